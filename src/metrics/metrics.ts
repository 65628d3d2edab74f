import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type OpenMetricsContentType,
  type PrometheusContentType,
  Registry,
} from 'prom-client';
import { countedSeries, timedSeries } from './series.ts';

/** From a hit in memory to the whole deadline of a lookup. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

/** Values that are read at scrape time. */
export interface GaugeSources {
  readonly requestsInFlight: () => number;
  readonly upstreamCircuitOpen: () => boolean;
  readonly upstreamInFlight: () => number;
  readonly upstreamQueued: () => number;
  readonly redisUp: () => boolean;
  readonly cacheMemoryBytes: () => number;
  readonly cacheMemoryEntries: () => number;
}

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * All metrics of the contract, in a registry of their own. Labels are bounded: never a user, a project's id or a raw
 * path.
 */
export function createMetrics(build: { readonly version: string; readonly node: string }) {
  const registry = new Registry<PrometheusContentType>();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const counter = <T extends string = never>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const durations = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
    new Histogram({ name, help, labelNames, buckets: DURATION_BUCKETS_SECONDS, registers });

  new Gauge({
    name: 'build_info',
    help: 'Always 1; its labels say what runs.',
    labelNames: ['version', 'node'],
    registers,
  }).set(build, 1);

  return {
    registry,
    httpRequestDuration: timedSeries({
      name: 'http_request_duration_seconds',
      help: 'Seconds from a request to the end of its response.',
      labelNames: ['method', 'route', 'status'],
      bucketsSeconds: DURATION_BUCKETS_SECONDS,
      registers,
    }),
    lookups: countedSeries({
      name: 'lookups_total',
      help: 'Lookups by how they were answered.',
      labelNames: ['kind', 'result'],
      registers,
    }),
    lookupStatus: countedSeries({
      name: 'lookup_status_total',
      help: 'Lookups by the status of the project.',
      labelNames: ['kind', 'status'],
      registers,
    }),
    upstreamRequestDuration: durations(
      'upstream_request_duration_seconds',
      'Seconds that one attempt at the upstream took.',
      ['kind', 'status'],
    ),
    upstreamRetries: counter('upstream_retries_total', 'Attempts after a first one that failed.'),
    upstreamKeyRejections: counter(
      'upstream_key_rejections_total',
      "Times that the upstream refused the company's key.",
    ),
    authenticationFailures: counter('authentication_failures_total', 'Callers not let in, by error code.', [
      'reason',
    ]),
    rateLimitRejections: counter('rate_limit_rejections_total', 'Requests over a limit.', ['policy']),
    responsesWithheld: counter(
      'responses_withheld_total',
      "Responses not sent because the company's key was in them.",
    ),
    redisErrors: counter('redis_errors_total', 'Redis commands that failed.', ['operation']),
    contractDrift: counter(
      'upstream_contract_drift_total',
      'Fields of upstream bodies that were not as documented; `other` counts bodies with fields that are not documented.',
      ['field'],
    ),
    watch: (sources: GaugeSources) => watch(registry, sources),
  };
}

function watch(registry: Registry<PrometheusContentType>, sources: GaugeSources): void {
  const gauges: ReadonlyArray<readonly [name: string, help: string, read: () => number]> = [
    ['http_requests_in_flight', 'Requests that are being answered.', sources.requestsInFlight],
    [
      'upstream_circuit_open',
      '1 while the upstream is not asked because it failed.',
      () => Number(sources.upstreamCircuitOpen()),
    ],
    ['upstream_requests_in_flight', 'Requests at the upstream.', sources.upstreamInFlight],
    ['upstream_requests_queued', 'Requests that wait for a place at the upstream.', sources.upstreamQueued],
    [
      'redis_up',
      '1 while Redis answers; 0 while it does not, or where none is configured.',
      () => Number(sources.redisUp()),
    ],
    ['cache_memory_bytes', 'Bytes held by the in-process cache.', sources.cacheMemoryBytes],
    ['cache_memory_entries', 'Projects held by the in-process cache.', sources.cacheMemoryEntries],
  ];
  for (const [name, help, read] of gauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  }
}

/**
 * Renders the metrics in Prometheus' or OpenMetrics' text form. The latter by a second registry over the same
 * metrics, since prom-client's content type belongs to a registry and two scrapes may be under way at once.
 */
export function metricsRenderer(registry: Registry<PrometheusContentType>) {
  const openMetricsRegistry = new Registry<OpenMetricsContentType>();
  openMetricsRegistry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const { name } of registry.getMetricsAsArray()) {
    const metric = registry.getSingleMetric(name);
    // OpenMetrics takes `_total` off a counter's name, and prom-client does so on the metric itself: it gets a view of
    // each with a name of its own.
    if (metric !== undefined) {
      openMetricsRegistry.registerMetric(Object.create(metric, { name: { value: name, writable: true } }));
    }
  }
  return async (openMetrics: boolean) => {
    const chosen = openMetrics ? openMetricsRegistry : registry;
    return { contentType: chosen.contentType, text: await chosen.metrics() };
  };
}
