import {
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  DelegateBackoff,
  handleType,
  type IRetryBackoffContext,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import { AttemptFailure } from './failure.ts';

/** One in three failing must not open it, a dead upstream must: ten in a row. */
const FAILURES_TO_OPEN = 10;
export const CIRCUIT_HALF_OPEN_AFTER_MS = 2000;

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2000;

export interface Resilience {
  /** Runs attempts until one succeeds, none is left or the deadline is over. The signal ends one attempt. */
  execute<T>(attempt: (signal: AbortSignal) => Promise<T>): Promise<T>;
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
  const deadline = timeout(settings.deadlineMs, {
    strategy: TimeoutStrategy.Aggressive,
    abortOnReturn: false,
  });
  const retries = retry(
    handleType(AttemptFailure, (failure) => failure.retryable),
    { maxAttempts: settings.retries, backoff: new DelegateBackoff(pauseMs) },
  );
  const circuit = circuitBreaker(
    handleType(AttemptFailure, (failure) => failure.upstreamIll),
    { halfOpenAfter: CIRCUIT_HALF_OPEN_AFTER_MS, breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN) },
  );
  const places = bulkhead(settings.maxConcurrency, settings.maxQueue);
  // Cooperative: the attempt itself says that it was ended, so that this counts and is tried again as any other failure.
  const attemptTimeout = timeout(settings.timeoutMs, {
    strategy: TimeoutStrategy.Cooperative,
    abortOnReturn: false,
  });
  const policy = wrap(deadline, retries, circuit, places, attemptTimeout);
  retries.onRetry(() => events.retried());
  circuit.onBreak(() => events.circuitOpened());
  circuit.onReset(() => events.circuitClosed());

  return {
    execute: (attempt) => policy.execute(({ signal }) => attempt(signal)),
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

/** Full jitter over a doubling pause, and never sooner than the upstream asked for. */
function pauseMs({ attempt, result }: IRetryBackoffContext<unknown>): number {
  const jittered = Math.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  const failure = 'error' in result ? result.error : undefined;
  return Math.max(jittered, failure instanceof AttemptFailure ? (failure.retryAfterMs ?? 0) : 0);
}
