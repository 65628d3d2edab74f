import { type ErrorCode, HttpError } from '../errors.ts';
import { type Answer, byThisClock, isFresh } from './answer.ts';
import type { LookupRequest } from './found.ts';
import type { FreshnessPolicy } from './freshness.ts';
import type { Clock, FlightEnding, LedFlight, SharedCache, SharedJoin, SharedRead } from './ports.ts';
import { satisfies } from './satisfies.ts';

/** What a flight has from the other replicas. */
export type Joined =
  | {
      readonly answer: Answer;
      /** `false` where another flight brought it this moment, and it may not be kept. */
      readonly fresh: boolean;
      /** Whether another replica's flight was waited for. */
      readonly collapsed: boolean;
      readonly ruledOut: boolean;
    }
  | {
      readonly answer?: undefined;
      /** The upstream is to be asked, for all replicas where there is a lead. */
      readonly lead: LedFlight | undefined;
      /** Whether the shared cache answered. */
      readonly reached: boolean;
      readonly purgeMark: string | undefined;
      /** Whether it held a fresh answer that did not do for this request. */
      readonly ruledOut: boolean;
    };

/** The part that this replica takes in flights of the fleet. */
export interface Fleet {
  /**
   * Reads the shared cache and, where that has nothing for the request, waits for the project's flight or leads it.
   *
   * @param reads is called as it begins to read, which may be more than once
   * @param mayLead whether it may be the one that asks the upstream; if not, it only reads
   * @throws HttpError the failure of the flight that was waited for
   */
  join(request: LookupRequest, reads: () => void, mayLead: boolean): Promise<Joined>;
  /** Says that the upstream gave this replica no answer. */
  failed(lead: LedFlight | undefined, error: unknown): void;
}

/**
 * What the upstream does to every replica, and so to all who wait. A key that is refused or a defect is this process's own,
 * and another may fare better.
 */
const SHARED_FAILURES: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'payment_required',
  'upstream_error',
  'upstream_bad_response',
  'upstream_unavailable',
  'upstream_timeout',
]);

/** A replica whose flight has failed may be cut off itself: so long nobody waits for it a second time. */
const DOUBT_MS = 30_000;

/** Only where there is no answer, whatever there is, or not at all. */
type Joining = 'if missing' | 'anyway' | 'aside';

export function createFleet(dependencies: {
  readonly shared: SharedCache;
  readonly clock: Clock;
  readonly policy: FreshnessPolicy;
}): Fleet {
  const { shared, clock, policy } = dependencies;
  /** By replica, in Unix milliseconds: until when its flights are not waited for. */
  const doubtedUntilMs = new Map<string, number>();
  // Where unfinished projects are not kept, whoever waited would only ask in its turn.
  const flights = policy.pendingTtlMs > 0 ? shared.flights : undefined;

  function isDoubted(leader: string): boolean {
    const nowMs = clock.now();
    for (const [replica, untilMs] of doubtedUntilMs)
      if (untilMs <= nowMs || untilMs > nowMs + DOUBT_MS) doubtedUntilMs.delete(replica);
    return doubtedUntilMs.has(leader);
  }

  async function read({ kind, id }: LookupRequest, how: Joining): Promise<SharedJoin | undefined> {
    const reading: Promise<SharedRead & Partial<SharedJoin>> =
      flights === undefined || how === 'aside'
        ? shared.read(kind, id)
        : flights.join(kind, id, how === 'anyway');
    return reading.then(
      (joined) => ({ flight: undefined, ...joined }),
      () => undefined,
    );
  }

  async function join(request: LookupRequest, reads: () => void, mayLead: boolean): Promise<Joined> {
    let how: Joining = flights === undefined || !mayLead ? 'aside' : 'if missing';
    let ruledOut = false;
    let waits = 0;
    let ending: FlightEnding | undefined;
    for (;;) {
      reads();
      const joined = await read(request, how);
      const nowMs = clock.now();
      const seen = joined?.answer && byThisClock(joined.answer, nowMs, joined.lifeLeftMs);
      const fresh = seen !== undefined && isFresh(seen, nowMs);
      const flight = joined?.flight;
      // What was brought this moment is not asked for again, whatever this clock or this request makes of it.
      const brought = ending?.how === 'stored';
      if (seen !== undefined && (brought || (fresh && satisfies(seen, request, nowMs, policy)))) {
        // Somebody stored it between two reads.
        if (flight?.role === 'leader') flight.end({ how: 'stored' }).catch(() => undefined);
        return { answer: seen, fresh, collapsed: waits > 0, ruledOut };
      }
      ruledOut ||= fresh;
      const unanswered = { reached: joined !== undefined, purgeMark: joined?.purgeMark, ruledOut };
      if (flight === undefined) {
        if (seen === undefined || how !== 'if missing') return { ...unanswered, lead: undefined };
        how = 'anyway';
        ending = undefined;
        continue;
      }
      if (flight.role === 'leader') return { ...unanswered, lead: flight };
      if (isDoubted(flight.leader)) return { ...unanswered, lead: undefined };
      if (waits === flights?.maxWaits)
        throw new HttpError('upstream_timeout', { reason: "other replicas' flights" });
      waits += 1;
      ending = await flight.ending();
      how = ending?.how === 'unkept' ? 'aside' : 'if missing';
      if (ending?.how === 'failed') {
        doubtedUntilMs.set(flight.leader, clock.now() + DOUBT_MS);
        const { code, retryAfterSeconds } = ending;
        const after = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
        throw new HttpError(code, { reason: "another replica's flight", ...after });
      }
    }
  }

  function failed(lead: LedFlight | undefined, error: unknown): void {
    const shares = error instanceof HttpError && SHARED_FAILURES.has(error.code);
    // The others were right.
    if (shares) doubtedUntilMs.clear();
    const ending: FlightEnding = shares
      ? { how: 'failed', code: error.code, retryAfterSeconds: error.retryAfterSeconds }
      : { how: 'dropped' };
    lead?.end(ending).catch(() => undefined);
  }

  return { join, failed };
}
