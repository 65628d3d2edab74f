import { HttpError } from '../errors.ts';
import type { Clock, TraceContext, Upstream, UpstreamAnswer } from '../lookup/ports.ts';
import type { Kind } from '../lookup/project.ts';
import { AttemptFailure, httpDateMs, retryAfterMs, toHttpError } from './failure.ts';
import type { KeyRing } from './key-ring.ts';
import { CIRCUIT_HALF_OPEN_AFTER_MS, type Resilience } from './resilience.ts';
import type { Transport, TransportResponse } from './transport.ts';
import { TransportError } from './transport-error.ts';

/** Facts about requests to Magic Hour, for whoever counts or logs them. */
export interface UpstreamEvents {
  /** One attempt is over: its status code, `timeout` or `network`. */
  attempted(kind: Kind, status: string, seconds: number): void;
  keyRejected(status: number): void;
}

/** A request that one attempt at a lookup may send, with one key after another. */
interface Attempt {
  readonly kind: Kind;
  readonly path: string;
  readonly trace: TraceContext;
  /** Unix milliseconds at which the lookup is given up. */
  readonly deadlineAtMs: number;
  /** Unix milliseconds at which this attempt alone is given up. */
  readonly endsAtMs: number;
}

/** Enough for the current key, a newer one out of its file, and the next one. */
const MAX_KEYS_PER_ATTEMPT = 3;

/**
 * Magic Hour's lookup (https://docs.magichour.ai/api-reference/image-projects/get-image-details), with the company's
 * key, in the face of everything that the network and the upstream may do.
 */
export function createMagicHour(dependencies: {
  readonly transport: Transport;
  readonly keyRing: KeyRing;
  readonly resilience: Resilience;
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly events: UpstreamEvents;
}): Upstream {
  const { transport, keyRing, resilience, deadlineMs, clock, events } = dependencies;

  async function fetchProject(
    kind: Kind,
    id: string,
    trace: TraceContext,
  ): Promise<UpstreamAnswer | undefined> {
    const asked = {
      kind,
      path: `/v1/${kind}-projects/${encodeURIComponent(id)}`,
      trace,
      deadlineAtMs: clock.now() + deadlineMs,
    };
    try {
      const response = await resilience.execute(async (limitMs) => {
        const answered = await sendWithKeys({ ...asked, endsAtMs: clock.now() + limitMs });
        throwIfRetriable(answered, asked.deadlineAtMs);
        return answered;
      });
      return interpret(response);
    } catch (failure) {
      throw toHttpError(failure, CIRCUIT_HALF_OPEN_AFTER_MS / 1000);
    }
  }

  /** Sends with one key after another until the upstream accepts one. */
  async function sendWithKeys(attempt: Attempt): Promise<TransportResponse> {
    const tried = new Set<string>();
    let refused: TransportResponse | undefined;
    while (tried.size < MAX_KEYS_PER_ATTEMPT) {
      const key = keyRing.next(tried);
      if (key === undefined) break;
      tried.add(key);
      const response = await send(attempt, key);
      if (response.status === 401 || response.status === 403) events.keyRejected(response.status);
      if (response.status !== 401) {
        if (response.status !== 403) keyRing.accepted(key);
        return response;
      }
      refused = response;
      keyRing.refresh();
    }
    if (refused === undefined) throw new Error('there is no key to send');
    return refused;
  }

  async function send(attempt: Attempt, key: string): Promise<TransportResponse> {
    const { kind, path, trace, deadlineAtMs, endsAtMs } = attempt;
    const startedAtMs = clock.now();
    const over = (status: string) => events.attempted(kind, status, (clock.now() - startedAtMs) / 1000);
    const { traceparent } = trace;
    const headers = { authorization: `Bearer ${key}`, ...(traceparent === undefined ? {} : { traceparent }) };
    try {
      const response = await transport.get(path, headers, Math.max(1, endsAtMs - startedAtMs));
      over(String(response.status));
      return response;
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      const { problem, code } = error;
      over(problem === 'timeout' ? 'timeout' : 'network');
      if (problem === 'too_large') throw badResponse('larger than allowed');
      throw new AttemptFailure(problem, { retryable: clock.now() < deadlineAtMs, reason: code });
    }
  }

  function throwIfRetriable({ status, retryAfter, date }: TransportResponse, deadlineAtMs: number): void {
    const problem =
      status === 429
        ? 'too_many_requests'
        : status === 408
          ? 'request_timeout'
          : status >= 500
            ? 'server_error'
            : undefined;
    if (problem === undefined) return;
    const nowMs = clock.now();
    // A date is by the upstream's clock, which shows by how much it is from now.
    const afterMs = retryAfterMs(retryAfter, httpDateMs(date) ?? nowMs);
    const retryable = nowMs + (afterMs ?? 0) < deadlineAtMs;
    throw new AttemptFailure(problem, { retryAfterMs: afterMs, retryable, reason: `status ${status}` });
  }

  return { fetchProject };
}

function interpret({ status, body, date, hangUp }: TransportResponse): UpstreamAnswer | undefined {
  switch (status) {
    case 200:
      return { body, dateMs: httpDateMs(date), hangUp };
    case 404:
      return undefined;
    case 400:
      throw new HttpError('invalid_request', { reason: 'the upstream said 400' });
    case 401:
    case 403:
      throw new HttpError('upstream_rejected_key', { reason: `status ${status}` });
    case 402:
      throw new HttpError('payment_required', { reason: 'the upstream said 402' });
    default:
      throw badResponse(`status ${status}`);
  }
}

function badResponse(reason: string): HttpError {
  return new HttpError('upstream_bad_response', { reason });
}
