import type { AuthenticationEvents } from '../http/authenticate.ts';
import type { LimitEvents } from '../http/limit.ts';
import type { HttpEvents } from '../http/observe.ts';
import type { LookupEvents } from '../lookup/ports.ts';
import type { UpstreamEvents } from '../upstream/magic-hour.ts';
import type { Metrics } from './metrics.ts';

const METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);

export type Listeners = HttpEvents &
  LookupEvents &
  UpstreamEvents &
  AuthenticationEvents &
  LimitEvents & { redisFailed(operation: string): void; retried(): void; leakStopped(): void };

/** Turns the facts that the parts emit into counts. */
export function countingListeners(metrics: Metrics): Listeners {
  return {
    requestBegan: () => metrics.httpRequestsInFlight.inc(),
    requestEnded({ method, status, seconds, context }) {
      metrics.httpRequestsInFlight.dec();
      const labels = { method: METHODS.has(method) ? method : 'OTHER', route: context.route, status };
      metrics.httpRequestDuration.observe(labels, seconds);
    },
    lookedUp: (kind, result) => metrics.lookups.inc({ kind, result }),
    statusSeen: (kind, status) => metrics.lookupStatus.inc({ kind, status }),
    contractDrifted: (field) => metrics.contractDrift.inc({ field }),
    attempted: (kind, status, seconds) => metrics.upstreamRequestDuration.observe({ kind, status }, seconds),
    keyRejected: () => metrics.upstreamKeyRejections.inc(),
    retried: () => metrics.upstreamRetries.inc(),
    authenticationFailed: (reason) => metrics.authenticationFailures.inc({ reason }),
    limitExceeded: (policy) => metrics.rateLimitRejections.inc({ policy }),
    leakStopped: () => metrics.responsesWithheld.inc(),
    redisFailed: (operation) => metrics.redisErrors.inc({ operation }),
  };
}
