import { Gauge, type OpenMetricsContentType, type PrometheusContentType, Registry } from 'prom-client';
import { registerProcessMetrics } from './default-metrics.ts';
import { type GaugeSources, registerGauges } from './gauges.ts';
import {
  AUTHENTICATION_FAILURES,
  DRIFTING_FIELDS,
  INTROSPECTION_RESULTS,
  LIMIT_POLICIES,
  LOGIN_RESULTS,
  LOOKUP_RESULTS,
  OBJECTIVE_STATUSES,
  POLL_CHARGES,
  PROJECT_STATUSES,
  REDIS_OPERATIONS,
  REFRESH_RESULTS,
  SESSION_ENDINGS,
  UPSTREAM_STATUSES,
  WEBHOOK_EVENTS,
  WEBHOOK_RESULTS,
} from './known-values.ts';
import { countedSeries, timedSeries } from './series.ts';

/** From a hit in memory to the whole deadline of a lookup. The objective for latency is one of them. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

export type Metrics = ReturnType<typeof createMetrics>;

/** What lookups are open, by kind and by the template of their route. */
export type LookupRoutes = ReadonlyArray<{ readonly kind: string; readonly route: string }>;

/**
 * All metrics of the contract, and those that alerts need beside them, in a registry of their own. Labels are bounded: never a
 * user, a project's id or a raw path. docs/metrics.md lists them.
 */
export function createMetrics(
  build: { readonly version: string; readonly node: string },
  lookupRoutes: LookupRoutes,
) {
  const registry = new Registry<PrometheusContentType>();
  const registers = [registry];
  registerProcessMetrics(registry);

  const counts = <const N extends readonly string[] = []>(name: string, help: string, ...labelNames: N) =>
    countedSeries({ name, help, labelNames, registers });
  const durations = <const N extends readonly string[]>(name: string, help: string, ...labelNames: N) =>
    timedSeries({ name, help, labelNames, bucketsSeconds: DURATION_BUCKETS_SECONDS, registers });

  new Gauge({
    name: 'build_info',
    help: 'Always 1; its labels say what runs.',
    labelNames: ['version', 'node'],
    registers,
  }).set(build, 1);

  const metrics = {
    registry,
    httpRequestDuration: durations(
      'http_request_duration_seconds',
      'Seconds from a request to the end of its response.',
      'method',
      'route',
      'status',
    ),
    lookups: counts('lookups_total', 'Lookups by how they were answered.', 'kind', 'result'),
    lookupStatus: counts('lookup_status_total', 'Lookups by the status of the project.', 'kind', 'status'),
    upstreamRequestDuration: durations(
      'upstream_request_duration_seconds',
      'Seconds that one attempt at the upstream took.',
      'kind',
      'status',
    ),
    upstreamRetries: counts('upstream_retries_total', 'Attempts after a first one that failed.'),
    upstreamKeyRejections: counts(
      'upstream_key_rejections_total',
      "Times that the upstream refused the company's key.",
    ),
    authenticationFailures: counts(
      'authentication_failures_total',
      'Callers not let in, by error code.',
      'reason',
    ),
    tokenIntrospections: counts(
      'token_introspections_total',
      'Opaque tokens by what their issuer said; `withheld` are those that it was not asked about, to spare it.',
      'result',
    ),
    rateLimitRejections: counts('rate_limit_rejections_total', 'Requests over a limit.', 'policy'),
    polls: counts(
      'watch_polls_total',
      'Polls for streams and waits that those who follow were asked to pay for, where lookups that reach Magic Hour are limited.',
      'result',
    ),
    distinctNotFound: counts(
      'distinct_not_found_total',
      'Projects that a user asked for in vain, each once in a window.',
    ),
    responsesWithheld: counts(
      'responses_withheld_total',
      "Responses not sent because the company's key was in them.",
    ),
    sessionLogins: counts('session_logins_total', 'Logins of browsers by how they ended.', 'result'),
    sessionRefreshes: counts(
      'session_refreshes_total',
      'Access tokens of sessions exchanged for new ones.',
      'result',
    ),
    sessionEndings: counts('session_endings_total', 'Sessions ended by their users or the provider.', 'how'),
    webhookDeliveries: counts(
      'webhook_deliveries_total',
      'Webhooks by what they told and what became of them; `other` is also what was refused before it was read.',
      'event',
      'result',
    ),
    redisErrors: counts('redis_errors_total', 'Redis commands that failed.', 'operation'),
    contractDrift: counts(
      'upstream_contract_drift_total',
      'Fields of upstream bodies that were not as documented; `other` counts bodies with fields that are not documented.',
      'field',
    ),
    tlsCertificateExpiry: new Gauge({
      name: 'tls_certificate_expiry_timestamp_seconds',
      help: 'When the certificate ends that the other side showed last, in Unix seconds; where TLS is spoken.',
      labelNames: ['peer'],
      registers,
    }),
    watch: (sources: GaugeSources) => registerGauges(registry, sources),
  };
  beginAtZero(metrics, lookupRoutes);
  return metrics;
}

type Begun = Pick<
  Metrics,
  | 'lookups'
  | 'lookupStatus'
  | 'httpRequestDuration'
  | 'upstreamRequestDuration'
  | 'authenticationFailures'
  | 'tokenIntrospections'
  | 'rateLimitRejections'
  | 'polls'
  | 'sessionLogins'
  | 'sessionRefreshes'
  | 'sessionEndings'
  | 'webhookDeliveries'
  | 'redisErrors'
  | 'contractDrift'
>;

function beginAtZero(metrics: Begun, lookupRoutes: LookupRoutes): void {
  for (const { kind, route } of lookupRoutes) {
    for (const result of LOOKUP_RESULTS) metrics.lookups.begin(kind, result);
    for (const status of PROJECT_STATUSES) metrics.lookupStatus.begin(kind, status);
    for (const status of OBJECTIVE_STATUSES) metrics.httpRequestDuration.begin('GET', route, status);
    for (const status of UPSTREAM_STATUSES) metrics.upstreamRequestDuration.begin(kind, status);
  }
  for (const reason of AUTHENTICATION_FAILURES) metrics.authenticationFailures.begin(reason);
  for (const result of INTROSPECTION_RESULTS) metrics.tokenIntrospections.begin(result);
  for (const policy of LIMIT_POLICIES) metrics.rateLimitRejections.begin(policy);
  for (const result of POLL_CHARGES) metrics.polls.begin(result);
  for (const result of LOGIN_RESULTS) metrics.sessionLogins.begin(result);
  for (const result of REFRESH_RESULTS) metrics.sessionRefreshes.begin(result);
  for (const how of SESSION_ENDINGS) metrics.sessionEndings.begin(how);
  for (const event of WEBHOOK_EVENTS)
    for (const result of WEBHOOK_RESULTS) metrics.webhookDeliveries.begin(event, result);
  for (const operation of REDIS_OPERATIONS) metrics.redisErrors.begin(operation);
  for (const field of DRIFTING_FIELDS) metrics.contractDrift.begin(field);
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
