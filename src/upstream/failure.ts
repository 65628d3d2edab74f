import { BrokenCircuitError, BulkheadRejectedError, TaskCancelledError } from 'cockatiel';
import { HttpError } from '../errors.ts';

export type FailureProblem =
  | 'timeout'
  | 'network'
  | 'stale'
  | 'server_error'
  | 'too_many_requests'
  | 'request_timeout';

/** An attempt that another attempt may mend. */
export class AttemptFailure extends Error {
  override readonly name = 'AttemptFailure';
  readonly problem: FailureProblem;
  /** How long the upstream asked to be left alone. */
  readonly retryAfterMs: number | undefined;
  /** Whether another attempt can begin within the lookup's deadline. */
  readonly retryable: boolean;

  constructor(
    problem: FailureProblem,
    options: { retryAfterMs?: number | undefined; retryable: boolean; reason: string },
  ) {
    super(`${problem}: ${options.reason}`);
    this.problem = problem;
    this.retryAfterMs = options.retryAfterMs;
    this.retryable = options.retryable;
  }

  /** Whether it says that the upstream is ill; being told to slow down does not, nor does a connection that was let go. */
  get upstreamIll(): boolean {
    return this.problem !== 'too_many_requests' && this.problem !== 'stale';
  }
}

/** An HTTP date (RFC 9110, 5.6.7) in Unix milliseconds. */
export function httpDateMs(value: string | undefined): number | undefined {
  const dateMs = value !== undefined && /GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : dateMs;
}

/**
 * `Retry-After` (RFC 9110, 10.2.3) in milliseconds: seconds or a date. `undefined` where it is neither.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const dateMs = httpDateMs(value);
  return dateMs === undefined ? undefined : Math.max(0, dateMs - nowMs);
}

const DEFAULT_RETRY_AFTER_SECONDS = 1;

/** What a caller is told when the last attempt has failed. */
export function toHttpError(failure: unknown, circuitRetrySeconds: number): HttpError {
  if (failure instanceof HttpError) return failure;
  if (failure instanceof BrokenCircuitError) return unavailable('the circuit is open', circuitRetrySeconds);
  if (failure instanceof BulkheadRejectedError)
    return unavailable('too many lookups wait', DEFAULT_RETRY_AFTER_SECONDS);
  if (failure instanceof TaskCancelledError) return new HttpError('upstream_timeout', { reason: 'deadline' });
  if (!(failure instanceof AttemptFailure)) return new HttpError('internal_error', { cause: failure });
  const reason = failure.message;
  switch (failure.problem) {
    case 'timeout':
    case 'request_timeout':
      return new HttpError('upstream_timeout', { reason });
    case 'too_many_requests':
      return unavailable(
        reason,
        Math.ceil((failure.retryAfterMs ?? 0) / 1000) || DEFAULT_RETRY_AFTER_SECONDS,
      );
    default:
      return new HttpError('upstream_error', { reason });
  }
}

function unavailable(reason: string, retryAfterSeconds: number): HttpError {
  return new HttpError('upstream_unavailable', { reason, retryAfterSeconds });
}
