import type { ClientRateLimitInfo, Store } from 'express-rate-limit';

/** A key's hits in the present window, and when that ends, in Unix milliseconds. */
export interface Standing {
  readonly totalHits: number;
  readonly endsAtMs: number;
}

/** Counts hits for express-rate-limit, and at once for those who are far from their limit. */
export interface LimitStore extends Store {
  increment(key: string): Promise<ClientRateLimitInfo> | ClientRateLimitInfo;
  /** How a key stands, as far as is known at once. Counts nothing. */
  peek(key: string): Standing;
  /** Whether the next hit is within the limit; `false` also where that can't be told at once. Counts nothing. */
  hasRoom(key: string): boolean;
  /** Counts a hit of a key that has room. */
  hit(key: string): Standing;
}

/** Keys of whose hits a process keeps count; the least recently seen go first. */
export const MAX_TALLIES = 50_000;

export function clientInfo({ totalHits, endsAtMs }: Standing): ClientRateLimitInfo {
  return { totalHits, resetTime: new Date(endsAtMs) };
}

/** Hits are never taken back: each request counts, however it ends. */
export function unsupported(): never {
  throw new Error('this store only counts');
}
