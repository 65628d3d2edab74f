import { createMemoryCache } from '../../src/cache/memory-cache.ts';
import type { Answer } from '../../src/lookup/answer.ts';
import type { FreshnessPolicy } from '../../src/lookup/freshness.ts';
import { createLookup } from '../../src/lookup/lookup.ts';
import type { LookupEvents, SharedCache, Upstream, UpstreamAnswer } from '../../src/lookup/ports.ts';
import { NOW_MS, POLICY, projectBody, settle } from './builders.ts';
import { createManualClock } from './manual-clock.ts';

/** A request that the upstream was sent and has not answered. */
export interface UpstreamCall {
  readonly id: string;
  readonly traceparent: string | undefined;
  /** `undefined` answers 404. */
  answer(body: Uint8Array | undefined, dateMs?: number): void;
  fail(error: Error): void;
}

export interface HeldUpstream extends Upstream {
  /** All requests so far, in order. */
  readonly calls: readonly UpstreamCall[];
  /** The last request. */
  readonly last: UpstreamCall;
}

/** An upstream that answers when the test says so. */
export function createHeldUpstream(): HeldUpstream {
  const calls: UpstreamCall[] = [];
  return {
    calls,
    get last() {
      const call = calls.at(-1);
      if (call === undefined) throw new Error('the upstream was not asked');
      return call;
    },
    fetchProject(_kind, id, { traceparent }) {
      const { promise, resolve, reject } = Promise.withResolvers<UpstreamAnswer | undefined>();
      const answer: UpstreamCall['answer'] = (body, dateMs) =>
        resolve(body && { body, dateMs, hangUp: () => undefined });
      calls.push({ id, traceparent, answer, fail: reject });
      return promise;
    },
  };
}

export interface InProcessShared extends SharedCache {
  /** What each key holds, `kind/id`; expiry is the reader's affair here. */
  readonly held: Map<string, Answer>;
  readonly purges: readonly string[];
  /** Rejects every call while true. */
  away: boolean;
}

/**
 * The shared tier as its port describes it, in this process.
 *
 * @param pass lets a call through to the tier, and its result back; default: at once
 */
export function createInProcessShared(
  pass: <T>(call: () => T) => Promise<T> = async (call) => call(),
): InProcessShared {
  const held = new Map<string, Answer>();
  const marks = new Map<string, string>();
  const purges: string[] = [];
  const reach = <T>(call: () => T) =>
    pass(() => {
      if (shared.away) throw new Error('away');
      return call();
    });
  const shared: InProcessShared = {
    held,
    purges,
    away: false,
    read: (kind, id) =>
      reach(() => ({
        answer: held.get(`${kind}/${id}`),
        lifeLeftMs: Number.POSITIVE_INFINITY,
        purgeMark: marks.get(`${kind}/${id}`),
      })),
    write: (kind, id, answer, purgeMark) =>
      reach(() => {
        const key = `${kind}/${id}`;
        if (marks.has(key) && marks.get(key) !== purgeMark) return false;
        held.set(key, answer);
        return true;
      }),
    purge: (kind, id) =>
      reach(() => {
        const key = `${kind}/${id}`;
        held.delete(key);
        purges.push(key);
        marks.set(key, `purge ${purges.length}`);
      }),
  };
  return shared;
}

export interface RecordedEvents extends LookupEvents {
  readonly results: string[];
  readonly statuses: string[];
  readonly drift: string[];
}

export function recordEvents(): RecordedEvents {
  const results: string[] = [];
  const statuses: string[] = [];
  const drift: string[] = [];
  return {
    results,
    statuses,
    drift,
    lookedUp: (_kind, result) => void results.push(result),
    statusSeen: (_kind, status) => void statuses.push(status),
    contractDrifted: (field) => void drift.push(field),
  };
}

/** Answers with the body of `projectBody`, for the id that was asked for unless told otherwise. */
export function answerWith(call: UpstreamCall, fields: Readonly<Record<string, unknown>> = {}): void {
  call.answer(projectBody({ id: call.id, ...fields }));
}

/**
 * A lookup over a real memory tier, with an upstream that the test holds.
 *
 * @param shared default: none, so that memory is trusted until its answers end
 */
export function setUpLookup(options: { shared?: InProcessShared; policy?: Partial<FreshnessPolicy> } = {}) {
  const { shared } = options;
  const clock = createManualClock(NOW_MS);
  const upstream = createHeldUpstream();
  const events = recordEvents();
  const memory = createMemoryCache({
    maxBytes: 1_000_000,
    trustMs: shared === undefined ? Number.POSITIVE_INFINITY : 30_000,
    clock,
  });
  const policy = { ...POLICY, ...options.policy };
  const lookup = createLookup({ memory, shared, upstream, clock, policy, events });
  const find = (id = 'p1', minValidSeconds?: number) =>
    lookup.find({ kind: 'image', id, minValidSeconds, traceparent: undefined });
  /** Finds with an upstream that answers at once, with `answerWith`'s fields; `null` is 404. */
  async function findAnswered(
    fields: Readonly<Record<string, unknown>> | null = {},
    minValidSeconds?: number,
  ) {
    const finding = find('p1', minValidSeconds);
    await settle();
    if (fields === null) upstream.last.answer(undefined);
    else answerWith(upstream.last, fields);
    return finding;
  }
  return { clock, upstream, events, memory, lookup, find, findAnswered };
}
