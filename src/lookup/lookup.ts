import { type Answer, byThisClock, isFresh } from './answer.ts';
import { createAnswerFetcher } from './fetch-answer.ts';
import { type Found, type HeldProject, isProject, type LookupRequest, resultOf } from './found.ts';
import { type FreshnessPolicy, outlives } from './freshness.ts';
import type { Clock, LookupEvents, MemoryCache, SharedCache, Upstream } from './ports.ts';
import type { Kind } from './project.ts';
import { createSingleFlight } from './single-flight.ts';

export interface Lookup {
  /**
   * At once where memory holds it.
   *
   * @throws HttpError where the upstream gave no answer.
   */
  find(request: LookupRequest): Found | Promise<Found>;
  /** A project that memory holds and that does for the request, if there is one. Whoever serves it says so by `serveHeld`. */
  findHeld(request: LookupRequest): HeldProject | undefined;
  serveHeld(kind: Kind, held: HeldProject): void;
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

interface Recalled extends Pick<Found, 'forwarded'> {
  readonly hit?: Found;
  /** A copy that is fresh, though it doesn't do by itself. */
  readonly fresh?: Answer;
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
  const { memory, shared, clock, policy, events } = dependencies;
  const fetchAnswer = createAnswerFetcher(dependencies);
  const flights = createSingleFlight<Flown>();
  /** Flights by key whose answer may be kept; a purge takes a flight out. */
  const keepers = new Map<string, symbol>();

  function find(request: LookupRequest): Found | Promise<Found> {
    const { hit } = recall(request);
    return hit === undefined ? findElsewhere(request) : tell(request.kind, hit);
  }

  function findHeld(request: LookupRequest): HeldProject | undefined {
    const { hit } = recall(request);
    return hit !== undefined && isProject(hit) ? hit : undefined;
  }

  async function findElsewhere(request: LookupRequest): Promise<Found> {
    try {
      return tell(request.kind, await search(request));
    } catch (error) {
      events.lookedUp(request.kind, 'error');
      throw error;
    }
  }

  function tell(kind: Kind, found: Found): Found {
    events.lookedUp(kind, resultOf(found));
    if (found.answer.found) events.statusSeen(kind, found.answer.status);
    return found;
  }

  /** What memory holds for a request, and why it doesn't do where it doesn't. */
  function recall(request: LookupRequest): Recalled {
    const nowMs = clock.now();
    const held = memory.read(request.kind, request.id);
    if (held === undefined) return { forwarded: 'uri-miss' };
    const { answer, trustedUntilMs } = held;
    if (!isFresh(answer, nowMs)) return { forwarded: 'stale' };
    if (!satisfies(answer, request, nowMs)) return { forwarded: 'request', fresh: answer };
    if (trustedUntilMs <= nowMs) return { forwarded: 'uri-miss', fresh: answer };
    return {
      forwarded: 'uri-miss',
      hit: { answer, source: 'memory', collapsed: false, forwarded: 'uri-miss' },
    };
  }

  async function search(request: LookupRequest): Promise<Found> {
    const key = `${request.kind}/${request.id}`;
    for (;;) {
      const { hit, fresh, forwarded } = recall(request);
      if (hit !== undefined) return hit;
      const flight = flights.current(key);
      if (flight === undefined) {
        const flown = await flights.start(key, () => fly(request, key, fresh));
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
      const seen = read?.answer && byThisClock(read.answer, nowMs, read.lifeLeftMs);
      const usable = seen !== undefined && isFresh(seen, nowMs);
      if (usable && satisfies(seen, request, nowMs)) {
        if (keepers.get(key) === ticket) memory.write(kind, id, seen);
        return { answer: seen, source: 'redis', ruledOut: false };
      }
      const replaces = usable || held !== undefined;
      const refreshed = replaces && request.minValidSeconds !== undefined;
      const answer = await fetchAnswer(request, refreshed).catch((error: unknown) => {
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

  return { find, findHeld, serveHeld: tell, forget };
}
