import { type Answer, etagOf, isFresh } from './answer.ts';
import type { DeliveredAnswer, Deliveries, DeliveryResult } from './deliveries.ts';
import { type AnswerListener, createFlyer, type Flown, type Keeping } from './fly.ts';
import { type Found, type HeldProject, isProject, type LookupRequest, resultOf } from './found.ts';
import type { FreshnessPolicy } from './freshness.ts';
import { type Payer, UnpaidError } from './payer.ts';
import type { Clock, LookupEvents, MemoryCache, SharedCache, Upstream } from './ports.ts';
import { type Kind, projectName } from './project.ts';
import { satisfies } from './satisfies.ts';
import { createSingleFlight } from './single-flight.ts';

export interface Lookup {
  /**
   * At once where memory holds it.
   *
   * @throws HttpError where the upstream gave no answer.
   */
  find(request: LookupRequest): Found | Promise<Found>;
  /**
   * The same for those who follow a project: it is not counted as a lookup.
   *
   * @throws UnpaidError where the request's payer was refused; HttpError where the upstream gave no answer.
   */
  poll(request: LookupRequest): Promise<Found>;
  /** A project that memory holds and that does for the request, if there is one. Whoever serves it says so by `serveHeld`. */
  findHeld(request: LookupRequest): HeldProject | undefined;
  serveHeld(kind: Kind, held: HeldProject): void;
  /** Another replica has stored an answer: forgets the project here, unless what memory holds is that one. */
  outdate(kind: Kind, id: string, etag: string | undefined): void;
  /**
   * Takes an answer that came by itself, as far as the deliveries let it; an answer that is on its way will not be kept.
   *
   * @returns whether it also is the one that is known here: nothing overtook it
   * @throws whatever kept it from being decided on
   */
  deliver(
    delivered: DeliveredAnswer,
  ): Promise<{ readonly result: DeliveryResult; readonly current: boolean }>;
  /** Forgets a project here, since another replica has a delivered answer; not where this one saw it end before. */
  deliveredElsewhere(kind: Kind, id: string): void;
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
  readonly answered?: AnswerListener | undefined;
  /** Whether the upstream would not be asked anyway, but to try it. Default: never. */
  readonly upstreamIsOut?: (() => boolean) | undefined;
  /** Default: none are expected. */
  readonly deliveries?: Pick<Deliveries, 'deliver'> | undefined;
}

interface Recalled extends Pick<Found, 'forwarded'> {
  readonly hit?: Found;
  /** A copy that is fresh, though it doesn't do by itself. */
  readonly fresh?: Answer;
}

/**
 * memory → one flight in this process → one in the fleet (shared cache → upstream).
 *
 * Memory is asked and a flight is joined with no `await` between the two, and memory is filled before the flight
 * ends; so one process never asks the upstream for one project twice at a time (but for a purge in between).
 */
export function createLookup(dependencies: LookupDependencies): Lookup {
  const { memory, clock, policy, events } = dependencies;
  const fly = createFlyer(dependencies);
  const flights = createSingleFlight<Flown>();
  /** Flights by key whose answer may be kept; a purge takes out those that have read by then. */
  const keepers = new Map<string, Map<symbol, 'anything' | 'an end'>>();

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
      throw error instanceof UnpaidError ? error.refusal : error;
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
    if (!satisfies(answer, request, nowMs, policy)) return { forwarded: 'request', fresh: answer };
    if (trustedUntilMs <= nowMs) return { forwarded: 'uri-miss', fresh: answer };
    return {
      forwarded: 'uri-miss',
      hit: { answer, source: 'memory', collapsed: false, forwarded: 'uri-miss' },
    };
  }

  async function search(request: LookupRequest): Promise<Found> {
    const key = projectName(request.kind, request.id);
    for (;;) {
      const { hit, fresh, forwarded } = recall(request);
      if (hit !== undefined) return hit;
      const flight = flights.current(key);
      if (flight === undefined) {
        const flown = await flights.start(key, () => take(request, key, fresh));
        return { ...flown, forwarded: flown.ruledOut ? 'request' : forwarded };
      }
      const flown = await flight.catch((error: unknown) => nothingIfUnpaid(error, request.payer));
      // Whoever led it may not: now it is for somebody else to lead and to pay, this one perhaps.
      if (flown === undefined) continue;
      // Only an answer out of the shared cache can be one that another caller's flight was content with and this is not.
      if (flown.source !== 'redis' || satisfies(flown.answer, request, clock.now(), policy)) {
        return { ...flown, collapsed: flown.source === 'upstream', forwarded };
      }
    }
  }

  function take(request: LookupRequest, key: string, held: Answer | undefined): Promise<Flown> {
    return whileKeeping(key, (keeping) => fly(request, held, keeping));
  }

  async function whileKeeping<T>(key: string, work: (keeping: Keeping) => Promise<T>): Promise<T> {
    const ticket = Symbol(key);
    const keeping = {
      begin: () => void keepers.set(key, (keepers.get(key) ?? new Map()).set(ticket, 'anything')),
      allowed(answer?: Answer) {
        const may = keepers.get(key)?.get(ticket);
        if (may !== 'an end') return may === 'anything';
        return answer?.found === true && answer.terminal;
      },
    };
    try {
      return await work(keeping);
    } finally {
      const others = keepers.get(key);
      others?.delete(ticket);
      if (others?.size === 0) keepers.delete(key);
    }
  }

  /** Whether this process holds the project's end; it may have learned of it while the shared tier was away. */
  function holdsEnd(kind: Kind, id: string): boolean {
    const held = memory.read(kind, id)?.answer;
    return held?.found === true && held.terminal && isFresh(held, clock.now());
  }

  function deliver(delivered: DeliveredAnswer) {
    const { kind, id, answer } = delivered;
    return whileKeeping(projectName(kind, id), async (keeping) => {
      const { deliveries } = dependencies;
      if (deliveries === undefined) throw new Error('no deliveries are expected');
      if (!answer.terminal && holdsEnd(kind, id)) return { result: 'outdated' as const, current: false };
      keeping.begin();
      const result = await deliveries.deliver(delivered);
      if (result !== 'stored') return { result, current: false };
      // A lookup may have seen its end while the reply was on its way.
      if (holdsEnd(kind, id)) return { result, current: false };
      const current = keeping.allowed();
      overtake(kind, id);
      if (current && isFresh(answer, clock.now())) memory.write(kind, id, answer);
      return { result, current };
    });
  }

  function deliveredElsewhere(kind: Kind, id: string): void {
    if (!holdsEnd(kind, id)) overtake(kind, id);
  }

  /** Flights that began before a delivery may have read what was there before it: of them only an end is kept. */
  function overtake(kind: Kind, id: string): void {
    const key = projectName(kind, id);
    memory.remove(kind, id);
    const tickets = keepers.get(key);
    for (const ticket of tickets?.keys() ?? []) tickets?.set(ticket, 'an end');
    flights.abandon(key);
  }

  function forget(kind: Kind, id: string): void {
    const key = projectName(kind, id);
    memory.remove(kind, id);
    keepers.delete(key);
    flights.abandon(key);
  }

  function outdate(kind: Kind, id: string, etag: string | undefined): void {
    const held = memory.read(kind, id)?.answer;
    // Where it holds none, there may be a flight that began before.
    if (held === undefined || etagOf(held) !== etag) forget(kind, id);
  }

  return { find, poll: search, findHeld, serveHeld: tell, outdate, deliver, deliveredElsewhere, forget };
}

/** @throws the error where it is any other, and for whoever is the same payer */
function nothingIfUnpaid(error: unknown, payer: Payer | undefined): undefined {
  if (!(error instanceof UnpaidError) || error.payerKey === payer?.key) throw error;
  return undefined;
}
