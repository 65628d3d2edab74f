import type { PrometheusContentType, Registry } from 'prom-client';
import type { Counts } from './traffic.ts';

interface CountedValue {
  readonly name: string;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly value: number;
}

const FAILED_ATTEMPT = /^(?:[13-5]\d\d|timeout|network)$/;

/**
 * Reads the few sums that the status page shows out of what is counted anyway.
 *
 * @param isPublicRoute tells the requests of users from those of operators and of Prometheus
 */
export async function readCounts(
  registry: Registry<PrometheusContentType>,
  isPublicRoute: (route: string) => boolean,
): Promise<Omit<Counts, 'longestDelayMs' | 'activeMs' | 'idleMs'>> {
  async function read(metric: string): Promise<CountedValue[]> {
    const values = (await registry.getSingleMetric(metric)?.get())?.values ?? [];
    return values.map((each) => ({
      name: 'metricName' in each ? String(each.metricName) : metric,
      labels: each.labels,
      value: each.value,
    }));
  }
  const [durations, lookups, attempts, rejections, limited, redisErrors] = await Promise.all([
    read('http_request_duration_seconds'),
    read('lookups_total'),
    read('upstream_request_duration_seconds'),
    read('upstream_key_rejections_total'),
    read('rate_limit_rejections_total'),
    read('redis_errors_total'),
  ]);
  const requests = durations.filter(({ labels }) => isPublicRoute(String(labels.route)));
  const ended = requests.filter(({ name }) => name.endsWith('_count'));
  const attempted = attempts.filter(({ name }) => name.endsWith('_count'));
  const found = (result: string) => sum(lookups.filter(({ labels }) => labels.result === result));

  return {
    requests: sum(ended),
    serverErrors: sum(ended.filter(({ labels }) => Number(labels.status) >= 500)),
    within: sumByBound(requests),
    lookups: {
      memory_hit: found('memory_hit'),
      redis_hit: found('redis_hit'),
      collapsed: found('collapsed'),
      miss: found('miss'),
      error: found('error'),
    },
    upstreamRequests: sum(attempted),
    upstreamFailures: sum(
      attempted.filter(({ labels }) => labels.status !== '404' && FAILED_ATTEMPT.test(String(labels.status))),
    ),
    keyRejections: sum(rejections),
    limitedUsers: sum(limited.filter(({ labels }) => labels.policy === 'user')),
    limitedAddresses: sum(limited.filter(({ labels }) => labels.policy === 'ip')),
    redisErrors: sum(redisErrors),
  };
}

function sum(values: readonly CountedValue[]): number {
  return values.reduce((total, { value }) => total + value, 0);
}

function sumByBound(values: readonly CountedValue[]): Map<number, number> {
  const sums = new Map<number, number>();
  for (const { labels, value } of values) {
    if (labels.le === undefined) continue;
    const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
    sums.set(bound, (sums.get(bound) ?? 0) + value);
  }
  return sums;
}
