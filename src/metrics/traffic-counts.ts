import type { Counts } from '../status/traffic.ts';
import type { Metrics } from './metrics.ts';
import type { Counted, Timed } from './series.ts';

const FAILED_ATTEMPT = /^(?:[13-5]\d\d|timeout|network)$/;
const NO_SUCH_PROJECT = '404';

type CountedMetrics = Pick<
  Metrics,
  | 'httpRequestDuration'
  | 'lookups'
  | 'upstreamRequestDuration'
  | 'upstreamKeyRejections'
  | 'rateLimitRejections'
  | 'redisErrors'
>;

/**
 * The few sums that the status page shows, out of what is counted anyway.
 *
 * @param isPublicRoute tells the requests of users from those of operators and of Prometheus
 */
export function trafficCounts(
  metrics: CountedMetrics,
  isPublicRoute: (route: string) => boolean,
): Omit<Counts, 'longestDelayMs' | 'activeMs' | 'idleMs'> {
  const requests = [...metrics.httpRequestDuration.all()].filter(({ labels }) =>
    isPublicRoute(String(labels.route)),
  );
  const attempts = [...metrics.upstreamRequestDuration.all()];
  const lookups = [...metrics.lookups.all()];
  const limited = [...metrics.rateLimitRejections.all()];
  const found = (result: string) => sum(lookups.filter(({ labels }) => labels.result === result));
  const limitedBy = (policy: string) => sum(limited.filter(({ labels }) => labels.policy === policy));

  return {
    requests: ended(requests),
    serverErrors: ended(requests.filter(({ labels }) => Number(labels.status) >= 500)),
    within: sumsByBound(requests, metrics.httpRequestDuration.bucketsSeconds),
    lookups: {
      memory_hit: found('memory_hit'),
      redis_hit: found('redis_hit'),
      collapsed: found('collapsed'),
      miss: found('miss'),
      error: found('error'),
    },
    upstreamRequests: ended(attempts),
    upstreamFailures: ended(
      attempts.filter(
        ({ labels: { status } }) => status !== NO_SUCH_PROJECT && FAILED_ATTEMPT.test(String(status)),
      ),
    ),
    keyRejections: sum(metrics.upstreamKeyRejections.all()),
    limitedUsers: limitedBy('user'),
    limitedAddresses: limitedBy('ip'),
    redisErrors: sum(metrics.redisErrors.all()),
  };
}

function sum(series: Iterable<Counted>): number {
  let total = 0;
  for (const { count } of series) total += count;
  return total;
}

function ended(series: readonly Timed[]): number {
  return series.reduce((total, { counts }) => counts.reduce((some, count) => some + count, total), 0);
}

/** By the upper bound of each bucket, with all that is in those below. */
function sumsByBound(series: readonly Timed[], bucketsSeconds: readonly number[]): Map<number, number> {
  let below = 0;
  return new Map(
    [...bucketsSeconds, Number.POSITIVE_INFINITY].map((bound, at): [number, number] => {
      below += series.reduce((total, { counts }) => total + (counts[at] ?? 0), 0);
      return [bound, below];
    }),
  );
}
