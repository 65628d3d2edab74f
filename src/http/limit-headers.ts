import { hash } from 'node:crypto';
import type { RateLimitInfo } from 'express-rate-limit';
import { createLruMap } from '../lru-map.ts';

export interface LimitHeaders {
  /** Of the policy. */
  readonly name: string;
  readonly rateLimit: string;
  readonly policy: string;
  /** Whole seconds until the window ends. */
  readonly leftSeconds: number;
}

/** Adds how a caller stands to the headers of their response. */
export function addLimitHeaders(headers: string[], { rateLimit, policy }: LimitHeaders): void {
  headers.push('RateLimit', rateLimit, 'RateLimit-Policy', policy);
}

const MAX_PARTITIONS = 10_000;

/**
 * `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-08), to the letter as express-rate-limit
 * writes them; a test holds the two together. Its own hash the key anew for each request (some 2 % of a hot lookup's
 * time), these remember what a key hashes to.
 */
export function createLimitHeaders(
  policy: string,
  windowSeconds: number,
): (info: RateLimitInfo) => LimitHeaders {
  const partitions = createLruMap<string>(MAX_PARTITIONS, {
    memoMethod: (key) => Buffer.from(hash('sha256', key, 'hex').slice(0, 12)).toString('base64'),
  });
  return ({ limit, remaining, resetTime, key }) => {
    const leftMs = resetTime === undefined ? windowSeconds * 1000 : resetTime.getTime() - Date.now();
    const leftSeconds = Math.max(0, Math.ceil(leftMs / 1000));
    return {
      name: policy,
      rateLimit: `"${policy}"; r=${remaining}; t=${leftSeconds}`,
      policy: `"${policy}"; q=${limit}; w=${windowSeconds}; pk=:${partitions.memo(key)}:`,
      leftSeconds,
    };
  };
}
