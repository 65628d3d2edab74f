import {
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  DelegateBackoff,
  handleType,
  type IRetryBackoffContext,
  retry,
  TaskCancelledError,
  wrap,
} from 'cockatiel';
import { AttemptFailure } from './failure.ts';

/** One in three failing must not open it, a dead upstream must: ten in a row. */
const FAILURES_TO_OPEN = 10;
export const CIRCUIT_HALF_OPEN_AFTER_MS = 2000;

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2000;

export interface Resilience {
  /**
   * Runs attempts until one succeeds, none is left or the deadline is over.
   *
   * @param attempt ends itself when its time is over: milliseconds, at most those that are left of the deadline
   * @throws TaskCancelledError at the deadline
   */
  execute<T>(attempt: (limitMs: number) => Promise<T>): Promise<T>;
  readonly circuitOpen: boolean;
  readonly inFlight: number;
  readonly queued: number;
}

export interface ResilienceEvents {
  retried(): void;
  circuitOpened(): void;
  circuitClosed(): void;
}

/**
 * deadline → retries → circuit → places → one attempt's timeout. The circuit stands before the places, so that an
 * open one answers at once, and a place is held by an attempt only, not by the pause before the next.
 *
 * The two times are kept here, by plain timers: cockatiel's timeouts make, link and undo an `AbortController` each for
 * every request, which is more work than its three other policies together.
 */
export function createResilience(
  settings: {
    readonly deadlineMs: number;
    readonly timeoutMs: number;
    readonly retries: number;
    readonly maxConcurrency: number;
    readonly maxQueue: number;
  },
  events: ResilienceEvents,
): Resilience {
  const retries = retry(
    handleType(AttemptFailure, (failure) => failure.retryable),
    { maxAttempts: settings.retries, backoff: new DelegateBackoff(pauseMs) },
  );
  const circuit = circuitBreaker(
    handleType(AttemptFailure, (failure) => failure.upstreamIll),
    { halfOpenAfter: CIRCUIT_HALF_OPEN_AFTER_MS, breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN) },
  );
  const places = bulkhead(settings.maxConcurrency, settings.maxQueue);
  const policy = wrap(retries, circuit, places);
  retries.onRetry(() => events.retried());
  circuit.onBreak(() => events.circuitOpened());
  circuit.onReset(() => events.circuitClosed());

  return {
    execute(attempt) {
      const endsAtMs = performance.now() + settings.deadlineMs;
      const attempts = policy.execute(async () => {
        const leftMs = endsAtMs - performance.now();
        // It waited for its place until then, and nobody waits for it any more.
        if (leftMs <= 0) throw new TaskCancelledError();
        return attempt(Math.min(settings.timeoutMs, Math.ceil(leftMs)));
      });
      return within(settings.deadlineMs, attempts);
    },
    get circuitOpen() {
      return circuit.state === CircuitState.Open || circuit.state === CircuitState.HalfOpen;
    },
    get inFlight() {
      return settings.maxConcurrency - places.executionSlots;
    },
    get queued() {
      return settings.maxQueue - places.queueSlots;
    },
  };
}

/** Rejects when the time is over; what comes later is nobody's. */
function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(new TaskCancelledError(`not done within ${limitMs} ms`)), limitMs);
  work.then(resolve, reject);
  return promise.finally(() => clearTimeout(timer));
}

/** Full jitter over a doubling pause, and never sooner than the upstream asked for. */
function pauseMs({ attempt, result }: IRetryBackoffContext<unknown>): number {
  const jittered = Math.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  const failure = 'error' in result ? result.error : undefined;
  return Math.max(jittered, failure instanceof AttemptFailure ? (failure.retryAfterMs ?? 0) : 0);
}
