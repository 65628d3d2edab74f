import type { IntrospectionResult } from '../auth/introspection.ts';
import type { RedisOperation } from '../cache/redis-guard.ts';
import type { ErrorCode } from '../errors.ts';
import type { LimitPolicy } from '../http/limit.ts';
import type { LoginResult, SessionEnding } from '../http/serve-auth.ts';
import type { PollCharge } from '../http/upstream-costs.ts';
import type { LookupResult } from '../lookup/ports.ts';
import type { DocumentedField, Status } from '../lookup/project.ts';
import type { RefreshResult } from '../sessions/refresh.ts';
import type { WebhookEvent } from '../webhooks/delivery.ts';
import type { IntakeResult } from '../webhooks/intake.ts';
import type { WebhookRefusal } from '../webhooks/refusals.ts';

/**
 * Label values that are known ahead. Their series stand at 0 from the start: `rate()` and `increase()` see nothing of what a
 * series began with, so the first failure of its kind would go unseen.
 */
const all = <T extends string>(values: Record<T, true>): string[] => Object.keys(values);

export const LOOKUP_RESULTS = all<LookupResult>({
  memory_hit: true,
  redis_hit: true,
  collapsed: true,
  miss: true,
  error: true,
});

export const PROJECT_STATUSES = all<Status | 'unknown'>({
  draft: true,
  queued: true,
  rendering: true,
  complete: true,
  error: true,
  canceled: true,
  unknown: true,
});

export const AUTHENTICATION_FAILURES = all<
  Extract<
    ErrorCode,
    `token_${string}` | 'insufficient_scope' | 'csrf_required' | 'authentication_unavailable'
  >
>({
  token_missing: true,
  token_expired: true,
  token_invalid: true,
  insufficient_scope: true,
  csrf_required: true,
  authentication_unavailable: true,
});

export const LOGIN_RESULTS = all<LoginResult>({
  succeeded: true,
  refused: true,
  failed: true,
  unavailable: true,
});

export const REFRESH_RESULTS = all<RefreshResult>({ refreshed: true, ended: true, unavailable: true });

export const SESSION_ENDINGS = all<SessionEnding>({ logout: true, everywhere: true, provider: true });

export const INTROSPECTION_RESULTS = all<IntrospectionResult>({
  active: true,
  refused: true,
  failed: true,
  withheld: true,
});

export const LIMIT_POLICIES = all<LimitPolicy>({
  user: true,
  ip: true,
  not_found: true,
  tenant: true,
  upstream: true,
  budget: true,
  budget_share: true,
});

export const POLL_CHARGES = all<PollCharge>({ paid: true, refused: true });

export const REDIS_OPERATIONS = all<RedisOperation>({
  cache_read: true,
  cache_write: true,
  cache_purge: true,
  cache_deliver: true,
  purge_publish: true,
  watch: true,
  flight_renew: true,
  flight_end: true,
  owner_read: true,
  owner_write: true,
  session_read: true,
  session_write: true,
  rate_limit: true,
  dpop_proof: true,
});

export const DRIFTING_FIELDS = all<DocumentedField | 'other'>({
  id: true,
  name: true,
  status: true,
  image_count: true,
  type: true,
  created_at: true,
  enabled: true,
  credits_charged: true,
  downloads: true,
  error: true,
  width: true,
  height: true,
  fps: true,
  start_seconds: true,
  end_seconds: true,
  other: true,
});

export const WEBHOOK_EVENTS = all<WebhookEvent | 'other'>({
  'image.started': true,
  'image.completed': true,
  'image.errored': true,
  'video.started': true,
  'video.completed': true,
  'video.errored': true,
  'audio.started': true,
  'audio.completed': true,
  'audio.errored': true,
  other: true,
});

export const WEBHOOK_RESULTS = all<IntakeResult | WebhookRefusal>({
  stored: true,
  replayed: true,
  outdated: true,
  purged: true,
  ignored: true,
  unreadable: true,
  unavailable: true,
  bad_signature: true,
  bad_timestamp: true,
  too_large: true,
  too_slow: true,
});

/** How lookups end that the objectives are about; of all that may happen these alone, since each is a whole histogram. */
export const OBJECTIVE_STATUSES = ['200', '404', '500', '502', '503', '504'];

/** How attempts end that alerts ask for. */
export const UPSTREAM_STATUSES = ['200', '402', '404', '429', '500', '503', 'timeout', 'network'];
