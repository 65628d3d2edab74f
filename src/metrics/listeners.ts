import type { IntrospectionEvents } from '../auth/introspection.ts';
import type { AuthenticationEvents } from '../http/authenticate.ts';
import type { LimitEvents } from '../http/limit.ts';
import type { NotFoundEvents } from '../http/limit-not-found.ts';
import type { HttpEvents } from '../http/observe.ts';
import type { SessionEvents } from '../http/serve-auth.ts';
import type { CostEvents } from '../http/upstream-costs.ts';
import { NAMED_METHODS } from '../http-conventions.ts';
import type { LookupEvents } from '../lookup/ports.ts';
import type { RefreshEvents } from '../sessions/refresh.ts';
import type { UpstreamEvents } from '../upstream/magic-hour.ts';
import type { WebhookEvents } from '../webhooks/refusals.ts';
import type { Metrics } from './metrics.ts';

export type Listeners = HttpEvents &
  LookupEvents &
  UpstreamEvents &
  AuthenticationEvents &
  LimitEvents &
  WebhookEvents &
  SessionEvents &
  RefreshEvents &
  CostEvents &
  Pick<NotFoundEvents, 'distinctNotFound'> &
  Pick<IntrospectionEvents, 'introspected'> & {
    redisFailed(operation: string): void;
    retried(): void;
    leakStopped(): void;
    certificateSeen(peer: 'upstream' | 'redis', expiresAtMs: number): void;
    /** Requests that began and are not ended. */
    readonly requestsInFlight: number;
  };

/** Turns the facts that the parts emit into counts. */
export function countingListeners(metrics: Metrics): Listeners {
  let requestsInFlight = 0;
  return {
    get requestsInFlight() {
      return requestsInFlight;
    },
    requestBegan() {
      requestsInFlight += 1;
    },
    requestEnded({ method, status, seconds, heldSeconds, context }) {
      requestsInFlight -= 1;
      const counted = NAMED_METHODS.has(method) ? method : 'OTHER';
      const { route, traceparent } = context;
      const traceId = traceparent === undefined ? undefined : sampledTraceId(traceparent);
      metrics.httpRequestDuration.observe(seconds - heldSeconds, traceId, counted, route, String(status));
    },
    lookedUp: (kind, result) => metrics.lookups.inc(kind, result),
    statusSeen: (kind, status) => metrics.lookupStatus.inc(kind, status),
    contractDrifted: (field) => metrics.contractDrift.inc(field),
    attempted: (kind, status, seconds) =>
      metrics.upstreamRequestDuration.observe(seconds, undefined, kind, status),
    keyRejected: () => metrics.upstreamKeyRejections.inc(),
    retried: () => metrics.upstreamRetries.inc(),
    authenticationFailed: (reason) => metrics.authenticationFailures.inc(reason),
    introspected: (result) => metrics.tokenIntrospections.inc(result),
    limitExceeded: (policy) => metrics.rateLimitRejections.inc(policy),
    loginEnded: (result) => metrics.sessionLogins.inc(result),
    sessionRefreshed: (result) => metrics.sessionRefreshes.inc(result),
    sessionsEnded(how, count) {
      for (let n = 0; n < count; n += 1) metrics.sessionEndings.inc(how);
    },
    pollCharged: (result) => metrics.polls.inc(result),
    distinctNotFound: () => metrics.distinctNotFound.inc(),
    webhookEnded: (event, result) => metrics.webhookDeliveries.inc(event, result),
    leakStopped: () => metrics.responsesWithheld.inc(),
    redisFailed: (operation) => metrics.redisErrors.inc(operation),
    certificateSeen: (peer, expiresAtMs) => metrics.tlsCertificateExpiry.set({ peer }, expiresAtMs / 1000),
  };
}

/** W3C Trace Context: `00-TRACEID-SPANID-FLAGS`, of which the last bit says whether the trace is kept anywhere. */
function sampledTraceId(traceparent: string): string | undefined {
  const sampled = (Number.parseInt(traceparent.slice(-1), 16) & 1) === 1;
  return sampled ? traceparent.slice(3, 35) : undefined;
}
