import { HttpError } from '../errors.ts';
import { type Answer, foundAnswer, isFresh } from './answer.ts';
import { type FreshnessPolicy, freshUntilMs, outlives } from './freshness.ts';
import type {
  Clock,
  LookupEvents,
  LookupResult,
  MemoryCache,
  SharedCache,
  TraceContext,
  Upstream,
} from './ports.ts';
import { type Kind, parseProject } from './project.ts';
import { createSingleFlight } from './single-flight.ts';

export interface LookupRequest extends TraceContext {
  readonly kind: Kind;
  /** Matches PROJECT_ID_PATTERN. */
  readonly id: string;
  /** Seconds that every download must live at least; `undefined` takes whatever is fresh. */
  readonly minValidSeconds: number | undefined;
}

/** An answer and how it was come by. */
export interface Found {
  readonly answer: Answer;
  readonly source: 'memory' | 'redis' | 'upstream';
  /** Whether another caller's flight brought it. */
  readonly collapsed: boolean;
  /** Why the cache alone did not do, in RFC 9211's words; says nothing on a hit. */
  readonly forwarded: 'uri-miss' | 'stale' | 'request';
}

export interface Lookup {
  /** @throws HttpError where the upstream gave no answer. */
  find(request: LookupRequest): Promise<Found>;
  /** Forgets a project here; an answer that is on its way will not be kept. */
  forget(kind: Kind, id: string): void;
}

export interface LookupDependencies {
  readonly memory: MemoryCache;
  /** `undefined` where this process is alone. */
  readonly shared: SharedCache | undefined;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly policy: FreshnessPolicy;
  readonly events: LookupEvents;
}

interface Flown extends Pick<Found, 'answer' | 'source'> {
  /** Whether a fresh answer was at hand that did not do for this request. */
  readonly ruledOut: boolean;
}

/**
 * memory → one flight (shared cache → upstream).
 *
 * Memory is asked and a flight is joined with no `await` between the two, and memory is filled before the flight
 * ends; so one process never asks the upstream for one project twice at a time (but for a purge in between).
 */
export function createLookup(dependencies: LookupDependencies): Lookup {
  const { memory, shared, upstream, clock, policy, events } = dependencies;
  const flights = createSingleFlight<Flown>();
  /** Flights by key whose answer may be kept; a purge takes a flight out. */
  const keepers = new Map<string, symbol>();

  async function find(request: LookupRequest): Promise<Found> {
    try {
      const found = await search(request);
      events.lookedUp(request.kind, resultOf(found));
      if (found.answer.found) events.statusSeen(request.kind, found.answer.status);
      return found;
    } catch (error) {
      events.lookedUp(request.kind, 'error');
      throw error;
    }
  }

  async function search(request: LookupRequest): Promise<Found> {
    const { kind, id } = request;
    const key = `${kind}/${id}`;
    for (;;) {
      const nowMs = clock.now();
      const held = memory.read(kind, id);
      const fresh = held !== undefined && isFresh(held.answer, nowMs);
      const satisfying = fresh && satisfies(held.answer, request, nowMs);
      if (satisfying && held.trustedUntilMs > nowMs) {
        return { answer: held.answer, source: 'memory', collapsed: false, forwarded: 'uri-miss' };
      }
      const forwarded = held === undefined || satisfying ? 'uri-miss' : fresh ? 'request' : 'stale';
      const flight = flights.current(key);
      if (flight === undefined) {
        const flown = await flights.start(key, () => fly(request, key, fresh ? held.answer : undefined));
        return { ...flown, collapsed: false, forwarded: flown.ruledOut ? 'request' : forwarded };
      }
      const flown = await flight;
      // Only an answer out of the shared cache can be one that another caller's flight was content with and this is not.
      if (flown.source !== 'redis' || satisfies(flown.answer, request, clock.now())) {
        return { ...flown, collapsed: flown.source === 'upstream', forwarded };
      }
    }
  }

  async function fly(request: LookupRequest, key: string, held: Answer | undefined): Promise<Flown> {
    const { kind, id } = request;
    const ticket = Symbol(key);
    keepers.set(key, ticket);
    try {
      const read = await shared?.read(kind, id).catch(() => undefined);
      const nowMs = clock.now();
      const seen = read?.answer;
      const usable = seen !== undefined && isFresh(seen, nowMs);
      if (usable && satisfies(seen, request, nowMs)) {
        if (keepers.get(key) === ticket) memory.write(kind, id, seen);
        return { answer: seen, source: 'redis', ruledOut: false };
      }
      const replaces = usable || held !== undefined;
      const refreshed = replaces && request.minValidSeconds !== undefined;
      const answer = await ask(request, refreshed).catch((error: unknown) => {
        // With the shared cache out of reach this process's own copy counts, while it is fresh and nobody purged it here.
        const cutOff = shared !== undefined && read === undefined && keepers.get(key) === ticket;
        if (cutOff && held !== undefined && isFresh(held, clock.now())) return held;
        throw error;
      });
      if (answer === held) return { answer, source: 'memory', ruledOut: false };
      if (keepers.get(key) === ticket) keep(kind, id, answer, read?.purgeMark, replaces);
      return { answer, source: 'upstream', ruledOut: usable };
    } finally {
      if (keepers.get(key) === ticket) keepers.delete(key);
    }
  }

  async function ask(request: LookupRequest, refreshed: boolean): Promise<Answer> {
    const { kind, id, traceparent } = request;
    const body = await upstream.fetchProject(kind, id, { traceparent });
    const nowMs = clock.now();
    if (body === undefined) {
      return { found: false, fetchedAtMs: nowMs, freshUntilMs: nowMs + policy.notFoundTtlSeconds * 1000 };
    }
    const project = parseProject(body);
    if (project === undefined)
      throw new HttpError('upstream_bad_response', { reason: 'not the documented shape' });
    if (project.id !== id) throw new HttpError('upstream_bad_response', { reason: "another project's id" });
    for (const field of project.drift) events.contractDrifted(field);
    return foundAnswer(body, project, {
      fetchedAtMs: nowMs,
      freshUntilMs: freshUntilMs(project, nowMs, policy),
      refreshed,
    });
  }

  function keep(
    kind: Kind,
    id: string,
    answer: Answer,
    purgeMark: string | undefined,
    replaces: boolean,
  ): void {
    if (isFresh(answer, clock.now())) {
      memory.write(kind, id, answer);
      // Nobody waits for the shared tier to write; it reports its own failures.
      shared?.write(kind, id, answer, purgeMark).then(
        (written) => {
          // A purge elsewhere overtook this flight; what a later one brought may stay.
          if (!written && memory.read(kind, id)?.answer === answer) memory.remove(kind, id);
        },
        () => undefined,
      );
      return;
    }
    memory.remove(kind, id);
    // What was kept before must not outlive the news that it is over (a deleted project, for instance).
    if (replaces) shared?.purge(kind, id).catch(() => undefined);
  }

  function satisfies(answer: Answer, { minValidSeconds }: LookupRequest, nowMs: number): boolean {
    if (!answer.found || minValidSeconds === undefined || outlives(answer, nowMs, minValidSeconds))
      return true;
    // The upstream was asked a moment ago for just this reason; asking again at once would bring no more.
    return answer.refreshed && nowMs - answer.fetchedAtMs < policy.pendingTtlMs;
  }

  function forget(kind: Kind, id: string): void {
    const key = `${kind}/${id}`;
    memory.remove(kind, id);
    keepers.delete(key);
    flights.abandon(key);
  }

  return { find, forget };
}

export function resultOf(found: Found): LookupResult {
  if (found.collapsed) return 'collapsed';
  if (found.source === 'upstream') return 'miss';
  return found.source === 'memory' ? 'memory_hit' : 'redis_hit';
}
