import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createLeakGuard } from '../../src/leak-guard.ts';
import { countingListeners } from '../../src/metrics/listeners.ts';
import { createMetrics, metricsRenderer } from '../../src/metrics/metrics.ts';

/** Section 4 of the contract, less what webhooks and event streams bring; and what alerts need beside it. */
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
  token_introspections_total: { type: 'counter', labels: ['result'] },
  rate_limit_rejections_total: { type: 'counter', labels: ['policy'] },
  webhook_deliveries_total: { type: 'counter', labels: ['event', 'result'] },
  upstream_budget_used_ratio: { type: 'gauge', labels: [] },
  redis_up: { type: 'gauge', labels: [] },
  redis_errors_total: { type: 'counter', labels: ['operation'] },
  watch_polls_total: { type: 'counter', labels: ['result'] },
  distinct_not_found_total: { type: 'counter', labels: [] },
  session_logins_total: { type: 'counter', labels: ['result'] },
  session_refreshes_total: { type: 'counter', labels: ['result'] },
  session_endings_total: { type: 'counter', labels: ['how'] },
  responses_withheld_total: { type: 'counter', labels: [] },
  cache_memory_bytes: { type: 'gauge', labels: [] },
  cache_memory_entries: { type: 'gauge', labels: [] },
  event_streams_open: { type: 'gauge', labels: [] },
  projects_watched: { type: 'gauge', labels: [] },
  upstream_contract_drift_total: { type: 'counter', labels: ['field'] },
  build_info: { type: 'gauge', labels: ['node', 'version'] },
  redis_configured: { type: 'gauge', labels: [] },
  issuer_keys_available: { type: 'gauge', labels: ['issuer'] },
  secret_file_usable: { type: 'gauge', labels: ['file'] },
  tls_certificate_expiry_timestamp_seconds: { type: 'gauge', labels: ['peer'] },
};

const ROUTES = [{ kind: 'image', route: '/v1/image-projects/{id}' }];
const createIdleMetrics = () => createMetrics({ version: '1.2.3', node: '24.0.0' }, ROUTES);

/** Metrics in which everything has happened once. */
function createBusyMetrics() {
  const metrics = createIdleMetrics();
  const count = countingListeners(metrics);
  metrics.watch({
    requestsInFlight: () => count.requestsInFlight,
    upstreamCircuitOpen: () => true,
    upstreamInFlight: () => 3,
    upstreamQueued: () => 2,
    upstreamBudgetUsed: () => 0.5,
    redisConfigured: () => true,
    redisUp: () => true,
    issuerKeysAvailable: () => [['AUTH_ISSUER', true]],
    cacheMemoryBytes: () => 4096,
    cacheMemoryEntries: () => 4,
    eventStreamsOpen: () => 7,
    projectsWatched: () => 6,
    files: [{ setting: 'MAGIC_HOUR_API_KEY_FILE', usable: () => false }],
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
  count.requestEnded({ method: 'GET', status: 200, seconds: 0.2, heldSeconds: 0, context });
  count.lookedUp('image', 'miss');
  count.statusSeen('image', 'unknown');
  count.contractDrifted('other');
  count.attempted('image', 'timeout', 5);
  count.keyRejected(401);
  count.retried();
  count.authenticationFailed('token_expired');
  count.limitExceeded('ip');
  count.redisFailed('cache_read');
  count.certificateSeen('redis', 1_800_000_000_000);
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

const seriesOf = (line: string) => line.slice(0, line.lastIndexOf(' '));

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

  test('are those that docs/metrics.md describes, in the same words', async () => {
    const page = await createBusyMetrics().metrics.registry.metrics();
    const help = new Map([...page.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name, words]) => [name, words]));
    const described = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const rows = [...described.matchAll(/^\| `(\w+)` \| (\w+) \| (.+?) \| (.+) \|$/gm)].map(([row]) => row);
    const expected = [...parseFamilies(page)]
      .filter(([name]) => !/^(process|nodejs)_/.test(name) || name === 'process_memory_limit_bytes')
      .map(([name, family]) => {
        const labels = new Set(labelsOf(family).map((label) => `\`${label}\``));
        return { name, type: family.type, labels, help: help.get(name) };
      });
    const parsed = rows.map((row) => {
      const [name = '', type, labels = '', words] = row.slice(2, -2).split(' | ');
      return {
        name: name.replaceAll('`', ''),
        type,
        labels: new Set(labels === '–' ? [] : labels.split(', ')),
        help: words,
      };
    });
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(parsed.toSorted(byName)).toEqual(expected.toSorted(byName));
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
      'secret_file_usable{file="MAGIC_HOUR_API_KEY_FILE"} 0',
      'tls_certificate_expiry_timestamp_seconds{peer="redis"} 1800000000',
      'build_info{version="1.2.3",node="24.0.0"} 1',
    ]) {
      expect(page.split('\n')).toContain(line);
    }
  });

  test('have no series for a method that somebody made up', async () => {
    const { metrics, count, context } = createBusyMetrics();
    for (const method of ['BREW', 'PROPFIND'])
      count.requestEnded({ method, status: 405, seconds: 0, heldSeconds: 0, context });
    const page = await metrics.registry.metrics();
    expect(page).not.toMatch(/BREW|PROPFIND/);
    expect(page).toContain('method="OTHER"');
  });

  test('of two services in one process are apart', async () => {
    createBusyMetrics();
    const idle = await createIdleMetrics().registry.metrics();
    expect(idle).toContain('lookups_total{kind="image",result="miss"} 0\n');
    expect(idle).not.toContain('status="timeout"} 1\n');
  });

  test('stand at 0 from the start for all that is known ahead', async () => {
    const [idle, busy] = await Promise.all([
      createIdleMetrics().registry.metrics(),
      createBusyMetrics().metrics.registry.metrics(),
    ]);
    for (const [name, { type, samples }] of parseFamilies(busy)) {
      if (type !== 'counter' || /^process_/.test(name)) continue;
      const begun = parseFamilies(idle).get(name)?.samples ?? [];
      expect(begun.map(seriesOf), name).toEqual(samples.map(seriesOf));
      expect(new Set(begun.map((line) => line.slice(line.lastIndexOf(' ')))), name).toEqual(new Set([' 0']));
    }
    for (const line of [
      'http_request_duration_seconds_count{method="GET",route="/v1/image-projects/{id}",status="503"} 0',
      'upstream_request_duration_seconds_count{kind="image",status="402"} 0',
      'nodejs_gc_duration_seconds_count{kind="major"} 0',
      'authentication_failures_total{reason="authentication_unavailable"} 0',
      'redis_errors_total{operation="flight_end"} 0',
      'upstream_contract_drift_total{field="downloads"} 0',
      'lookup_status_total{kind="image",status="canceled"} 0',
    ]) {
      expect(idle.split('\n')).toContain(line);
    }
  });

  test('name a trace that is kept, in the bucket of what took so long, to who understands it', async () => {
    const { metrics, count, context } = createBusyMetrics();
    const end = (traceparent: string | undefined, seconds: number) =>
      count.requestEnded({
        method: 'GET',
        status: 200,
        seconds,
        heldSeconds: 0,
        context: { ...context, traceparent },
      });
    const [first, last, unkept] = ['1', '2', '3'].map((digit) => digit.repeat(32));
    end(`00-${first}-00f067aa0ba902b7-01`, 0.3);
    end(`00-${last}-00f067aa0ba902b7-03`, 0.4);
    end(`00-${unkept}-00f067aa0ba902b7-02`, 0.45);
    end(undefined, 0.46);
    end(`00-${first}-00f067aa0ba902b7-01`, 20);
    const render = metricsRenderer(metrics.registry);
    const [plain, open] = await Promise.all([render(false), render(true)]);
    const exemplars = open.text.split('\n').filter((line) => line.includes(' # '));
    const bucket = (le: string) =>
      `http_request_duration_seconds_bucket{le="${le}",method="GET",route="/v1/image-projects/{id}",status="200"}`;
    expect(exemplars.map((line) => line.replace(/ \d{10}(\.\d{1,3})?$/, ' NOW'))).toEqual([
      `${bucket('0.5')} 5 # {trace_id="${last}"} 0.4 NOW`,
      `${bucket('+Inf')} 6 # {trace_id="${first}"} 20 NOW`,
    ]);
    expect(plain.text).not.toContain('trace_id');
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
