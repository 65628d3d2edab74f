import { describe, expect, test } from 'vitest';
import { createLeakGuard } from '../../src/leak-guard.ts';
import { countingListeners } from '../../src/metrics/listeners.ts';
import { createMetrics, metricsRenderer } from '../../src/metrics/metrics.ts';

/** Section 4 of the contract, less what webhooks and event streams bring. */
const METRICS: Record<string, { type: string; labels: string[] }> = {
  http_request_duration_seconds: { type: 'histogram', labels: ['method', 'route', 'status'] },
  http_requests_in_flight: { type: 'gauge', labels: [] },
  lookups_total: { type: 'counter', labels: ['kind', 'result'] },
  lookup_status_total: { type: 'counter', labels: ['kind', 'status'] },
  upstream_request_duration_seconds: { type: 'histogram', labels: ['kind', 'status'] },
  upstream_retries_total: { type: 'counter', labels: [] },
  upstream_key_rejections_total: { type: 'counter', labels: [] },
  upstream_circuit_open: { type: 'gauge', labels: [] },
  upstream_requests_in_flight: { type: 'gauge', labels: [] },
  upstream_requests_queued: { type: 'gauge', labels: [] },
  authentication_failures_total: { type: 'counter', labels: ['reason'] },
  rate_limit_rejections_total: { type: 'counter', labels: ['policy'] },
  redis_up: { type: 'gauge', labels: [] },
  redis_errors_total: { type: 'counter', labels: ['operation'] },
  responses_withheld_total: { type: 'counter', labels: [] },
  cache_memory_bytes: { type: 'gauge', labels: [] },
  cache_memory_entries: { type: 'gauge', labels: [] },
  upstream_contract_drift_total: { type: 'counter', labels: ['field'] },
  build_info: { type: 'gauge', labels: ['node', 'version'] },
};

/** Metrics in which everything has happened once. */
function createBusyMetrics() {
  const metrics = createMetrics({ version: '1.2.3', node: '24.0.0' });
  const count = countingListeners(metrics);
  metrics.watch({
    requestsInFlight: () => count.requestsInFlight,
    upstreamCircuitOpen: () => true,
    upstreamInFlight: () => 3,
    upstreamQueued: () => 2,
    redisUp: () => true,
    cacheMemoryBytes: () => 4096,
    cacheMemoryEntries: () => 4,
  });
  const context = {
    route: '/v1/image-projects/{id}',
    requestId: 'r',
    traceparent: undefined,
    startedAtMs: 0,
    headers: [],
    leakGuard: createLeakGuard(
      () => [],
      () => undefined,
    ),
  };
  count.requestBegan();
  count.requestBegan();
  count.requestEnded({ method: 'GET', status: 200, seconds: 0.2, context });
  count.lookedUp('image', 'miss');
  count.statusSeen('image', 'unknown');
  count.contractDrifted('other');
  count.attempted('image', 'timeout', 5);
  count.keyRejected(401);
  count.retried();
  count.authenticationFailed('token_expired');
  count.limitExceeded('ip');
  count.redisFailed('cache_read');
  return { metrics, count, context };
}

interface Family {
  readonly type: string;
  readonly samples: string[];
}

/** Families by name, as a scraper reads them. */
function parseFamilies(page: string): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const [, name = '', type = ''] of page.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const samples = page
      .split('\n')
      .filter((line) => new RegExp(`^${name}(_bucket|_sum|_count|_total)?[{ ]`).test(line));
    families.set(name, { type, samples });
  }
  return families;
}

const labelsOf = ({ samples }: Family) =>
  [...new Set(samples.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map(([, name = '']) => name)))]
    .filter((name) => name !== 'le')
    .toSorted();

describe('the metrics', () => {
  test("have the contract's names, types and labels", async () => {
    const families = parseFamilies(await createBusyMetrics().metrics.registry.metrics());
    for (const [name, { type, labels }] of Object.entries(METRICS)) {
      const family = families.get(name);
      expect(family?.type, name).toBe(type);
      expect(family && labelsOf(family), name).toEqual(labels);
    }
    const own = [...families.keys()].filter((name) => !/^(process|nodejs)_/.test(name));
    expect(own.toSorted()).toEqual(Object.keys(METRICS).toSorted());
    expect(families.has('process_cpu_seconds_total')).toBe(true);
  });

  test('tell what happened', async () => {
    const page = await createBusyMetrics().metrics.registry.metrics();
    for (const line of [
      'http_request_duration_seconds_count{method="GET",route="/v1/image-projects/{id}",status="200"} 1',
      'http_requests_in_flight 1',
      'lookups_total{kind="image",result="miss"} 1',
      'lookup_status_total{kind="image",status="unknown"} 1',
      'upstream_request_duration_seconds_count{kind="image",status="timeout"} 1',
      'upstream_key_rejections_total 1',
      'upstream_circuit_open 1',
      'upstream_requests_in_flight 3',
      'upstream_requests_queued 2',
      'rate_limit_rejections_total{policy="ip"} 1',
      'cache_memory_bytes 4096',
      'build_info{version="1.2.3",node="24.0.0"} 1',
    ]) {
      expect(page.split('\n')).toContain(line);
    }
  });

  test('have no series for a method that somebody made up', async () => {
    const { metrics, count, context } = createBusyMetrics();
    for (const method of ['BREW', 'PROPFIND'])
      count.requestEnded({ method, status: 405, seconds: 0, context });
    const page = await metrics.registry.metrics();
    expect(page).not.toMatch(/BREW|PROPFIND/);
    expect(page).toContain('method="OTHER"');
  });

  test('of two services in one process are apart', async () => {
    createBusyMetrics();
    const idle = createMetrics({ version: '1', node: '24' });
    expect(await idle.registry.metrics()).not.toContain('kind="image"');
  });

  test('come as text and as OpenMetrics at one time', async () => {
    const { registry } = createBusyMetrics().metrics;
    const render = metricsRenderer(registry);
    const pages = await Promise.all(Array.from({ length: 20 }, (_, at) => render(at % 2 === 1)));
    for (const [at, { contentType, text: page }] of pages.entries()) {
      const openMetrics = at % 2 === 1;
      expect(contentType).toContain(openMetrics ? 'application/openmetrics-text' : 'text/plain');
      expect(page.endsWith('# EOF\n')).toBe(openMetrics);
      expect(page).toContain(openMetrics ? '# TYPE lookups counter\n' : '# TYPE lookups_total counter\n');
      expect(page).toContain('lookups_total{kind="image",result="miss"} 1\n');
    }
  });
});
