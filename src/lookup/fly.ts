import { type Answer, isFresh, isSameAnswer } from './answer.ts';
import { createAnswerFetcher } from './fetch-answer.ts';
import { createFleet } from './fleet.ts';
import type { Found, LookupRequest } from './found.ts';
import type { FreshnessPolicy } from './freshness.ts';
import { payWith } from './payer.ts';
import type { Clock, LedFlight, LookupEvents, MemoryCache, SharedCache, Upstream } from './ports.ts';
import type { Kind } from './project.ts';

export interface Flown extends Pick<Found, 'answer' | 'source' | 'collapsed'> {
  /** Whether a fresh answer was at hand that did not do for this request. */
  readonly ruledOut: boolean;
}

/**
 * One flight of this process: what the shared cache holds, what another replica's flight brings, or the upstream's answer.
 *
 * @param held a copy that is fresh, though it didn't do by itself
 * @throws HttpError where there is no answer
 */
export type Flyer = (request: LookupRequest, held: Answer | undefined, keeping: Keeping) => Promise<Flown>;

/** Is told of each answer that came to this process, from the upstream or from the shared tier, and that no purge overtook. */
export type AnswerListener = (kind: Kind, id: string, answer: Answer) => void;

/** Whether a flight's answer may be kept: the project was not purged here since the flight began to look for it. */
export interface Keeping {
  begin(): void;
  /** @param answer that it brought; after a delivery it may still be kept where it is the project's end */
  allowed(answer?: Answer): boolean;
}

export function createFlyer(dependencies: {
  readonly memory: MemoryCache;
  readonly shared: SharedCache | undefined;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly policy: FreshnessPolicy;
  readonly events: Pick<LookupEvents, 'contractDrifted'>;
  readonly answered?: AnswerListener | undefined;
  /** Whether the upstream would not be asked anyway, but to try it. Default: never. */
  readonly upstreamIsOut?: (() => boolean) | undefined;
}): Flyer {
  const { memory, shared, clock, policy, answered, upstreamIsOut = () => false } = dependencies;
  const fetchAnswer = createAnswerFetcher(dependencies);
  const fleet = shared && createFleet({ shared, clock, policy });

  /** Whether memory still has just this answer. */
  function holds({ kind, id }: LookupRequest, answer: Answer): boolean {
    const held = memory.read(kind, id);
    return held !== undefined && isSameAnswer(held.answer, answer);
  }

  function keep(
    request: LookupRequest,
    answer: Answer,
    how: {
      readonly lead: LedFlight | undefined;
      readonly purgeMark: string | undefined;
      readonly replaces: boolean;
    },
  ): void {
    const { kind, id } = request;
    if (isFresh(answer, clock.now())) {
      memory.write(kind, id, answer);
      // Nobody waits for the shared tier to write; it reports its own failures.
      const storing = how.lead?.store(answer) ?? shared?.write(kind, id, answer, how.purgeMark);
      storing?.then(
        (written) => {
          // A purge elsewhere, or another leader, overtook this flight; what a later one brought may stay.
          if (written) return;
          if (holds(request, answer)) memory.remove(kind, id);
        },
        () => undefined,
      );
      return;
    }
    memory.remove(kind, id);
    // What was kept before must not outlive the news that it is over (a deleted project, for instance).
    if (how.replaces) purgeShared(kind, id);
    how.lead?.end({ how: 'unkept' }).catch(() => undefined);
  }

  function purgeShared(kind: Kind, id: string): void {
    shared?.purge(kind, id).catch(() => undefined);
  }

  return async (request, held, keeping) => {
    const { kind, id } = request;
    keeping.begin();
    const { payer } = request;
    // While the circuit is open nothing is asked but what tries whether it may close.
    const costs = payer !== undefined && !upstreamIsOut();
    // Who may not have the upstream asked leads nobody, here or elsewhere.
    const mayLead = !(costs && payer.isOver());
    const joined = await fleet?.join(request, keeping.begin, mayLead);
    if (joined?.answer !== undefined) {
      const { answer, fresh, collapsed, ruledOut } = joined;
      if (fresh && keeping.allowed(answer)) {
        memory.write(kind, id, answer);
        answered?.(kind, id, answer);
      }
      return { answer, source: collapsed ? 'upstream' : 'redis', collapsed, ruledOut };
    }
    const ruledOut = joined?.ruledOut ?? false;
    const replaces = ruledOut || held !== undefined;
    const refreshed = replaces && request.minValidSeconds !== undefined;
    const lead = joined?.lead;
    try {
      if (costs) await payWith(payer);
      const answer = await fetchAnswer(request, refreshed);
      if (keeping.allowed(answer)) {
        keep(request, answer, { lead, purgeMark: joined?.purgeMark, replaces });
        answered?.(kind, id, answer);
      } else lead?.end({ how: 'dropped' }).catch(() => undefined);
      return { answer, source: 'upstream', collapsed: false, ruledOut };
    } catch (error) {
      fleet?.failed(lead, error);
      // With the shared cache out of reach this process's own copy counts, while it is fresh and nobody purged it here.
      const cutOff = joined !== undefined && !joined.reached;
      if (cutOff && held !== undefined && holds(request, held) && isFresh(held, clock.now()))
        return { answer: held, source: 'memory', collapsed: false, ruledOut: false };
      throw error;
    }
  };
}
