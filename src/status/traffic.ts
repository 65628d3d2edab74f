import type { Sample } from './recent.ts';
import type { Traffic } from './report.ts';

/** Counts since the start, as one sample has them. */
export interface Counts extends Omit<Traffic, 'seconds' | 'p50Seconds' | 'p95Seconds' | 'busyShare'> {
  /** Requests by rising upper bounds of their time in seconds, each with those of all lower bounds. */
  readonly within: ReadonlyMap<number, number>;
  readonly activeMs: number;
  readonly idleMs: number;
}

export const NO_COUNTS: Counts = {
  requests: 0,
  serverErrors: 0,
  lookups: { memory_hit: 0, redis_hit: 0, collapsed: 0, miss: 0, error: 0 },
  upstreamRequests: 0,
  upstreamFailures: 0,
  keyRejections: 0,
  limitedUsers: 0,
  limitedAddresses: 0,
  redisErrors: 0,
  within: new Map(),
  longestDelayMs: 0,
  activeMs: 0,
  idleMs: 0,
};

/** What happened from the first of the samples to the last. */
export function trafficBetween(samples: ReadonlyArray<Sample<Counts>>): Traffic {
  const from = samples[0]?.value ?? NO_COUNTS;
  const to = samples.at(-1)?.value ?? NO_COUNTS;
  const { lookups } = to;
  const grown = (read: (counts: Counts) => number) => read(to) - read(from);
  const requestsWithin = [...to.within].map(([bound, count]): [number, number] => [
    bound,
    count - (from.within.get(bound) ?? 0),
  ]);
  const activeMs = grown((counts) => counts.activeMs);
  const totalMs = activeMs + grown((counts) => counts.idleMs);
  return {
    seconds: ((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)) / 1000,
    requests: grown((counts) => counts.requests),
    serverErrors: grown((counts) => counts.serverErrors),
    p50Seconds: quantile(requestsWithin, 0.5),
    p95Seconds: quantile(requestsWithin, 0.95),
    lookups: {
      memory_hit: lookups.memory_hit - from.lookups.memory_hit,
      redis_hit: lookups.redis_hit - from.lookups.redis_hit,
      collapsed: lookups.collapsed - from.lookups.collapsed,
      miss: lookups.miss - from.lookups.miss,
      error: lookups.error - from.lookups.error,
    },
    upstreamRequests: grown((counts) => counts.upstreamRequests),
    upstreamFailures: grown((counts) => counts.upstreamFailures),
    keyRejections: grown((counts) => counts.keyRejections),
    limitedUsers: grown((counts) => counts.limitedUsers),
    limitedAddresses: grown((counts) => counts.limitedAddresses),
    redisErrors: grown((counts) => counts.redisErrors),
    // The first sample's is of the time before it.
    longestDelayMs: Math.max(0, ...samples.slice(1).map(({ value }) => value.longestDelayMs)),
    busyShare: totalMs === 0 ? undefined : activeMs / totalMs,
  };
}

/**
 * The lowest bound that so large a share of the requests is within: where the truth lies between two bounds isn't known.
 *
 * @param requestsWithin by rising bounds, each count with those before it
 */
function quantile(requestsWithin: ReadonlyArray<[number, number]>, share: number): number | undefined {
  const total = requestsWithin.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  return requestsWithin.find(([, count]) => count >= total * share)?.[0];
}
