import { createMemoryCache, type MemoryTier } from '../../src/cache/memory-cache.ts';
import type { Answer } from '../../src/lookup/answer.ts';
import type { Found } from '../../src/lookup/found.ts';
import type { FreshnessPolicy } from '../../src/lookup/freshness.ts';
import { createLookup } from '../../src/lookup/lookup.ts';
import type { LedFlight, SharedCache, SharedFlights, SharedJoin } from '../../src/lookup/ports.ts';
import { recordEvents } from './lookup-parts.ts';
import type { Statement } from './model-upstream.ts';

/** A request that the upstream was sent. The body that it answers has its place in `asks` as its `name`. */
export interface Ask {
  readonly id: string;
  readonly replica: number;
  readonly sent: Moment;
  /** `undefined` while it is under way. */
  readonly over?: Moment;
  /** `undefined` while it is under way, and where it failed. */
  readonly said?: Statement;
}

/** A moment of true time, and its place in the order of all that happened. */
export interface Moment {
  readonly atMs: number;
  readonly order: number;
}

/** That the shared tier took an answer, by its place in `asks`. */
export interface Stored extends Moment {
  readonly id: string;
  /** `undefined` for a 404. */
  readonly ask: number | undefined;
  readonly by: number;
}

export interface Purge {
  readonly id: string;
  readonly began: Moment;
  /** When each replica was told. */
  readonly told: ReadonlyMap<number, Moment>;
}

interface RecordedPurge extends Purge {
  readonly told: Map<number, Moment>;
}

export interface LookupWorld {
  readonly asks: readonly Ask[];
  readonly stored: readonly Stored[];
  readonly purges: readonly Purge[];
  readonly memories: readonly MemoryTier[];
  /** By the replica's own clock. */
  clockOf(replica: number): number;
  moment(): Moment;
  find(replica: number, id: string, minValidSeconds?: number): Promise<Found>;
  /** As the ops listener does it: on this replica, in the shared tier, then on every replica. */
  purge(replica: number, id: string): Promise<void>;
}

/** A shared tier, and flights of the fleet as each replica sees them, if it has any. */
export interface SharedTier extends Omit<SharedCache, 'flights'> {
  flightsOf?(replica: string): SharedFlights;
}

export interface LookupWorldParts {
  /** True time, which the upstream's clock shows. */
  readonly now: () => number;
  /** One replica for each: by how much its clock is off. */
  readonly offsetsMs: readonly number[];
  /** What the replicas share, if anything. It need announce no purge: they are told by this world. */
  readonly shared: SharedTier | undefined;
  /** Resolves when something that is on its way has arrived; `replica` is the one that sent it or gets it. */
  readonly travel: (what: 'command' | 'reply' | 'announcement', replica: number) => Promise<void>;
  /** Rejects where the upstream fails. */
  readonly upstream: (
    id: string,
    name: string,
  ) => Promise<Statement & { readonly dateMs: number | undefined }>;
  readonly policy: FreshnessPolicy;
  readonly trustMs: number;
}

/** Replicas of the lookup over one shared tier and one upstream, and a record of all that went between them. */
export function createLookupWorld(parts: LookupWorldParts): LookupWorld {
  const { now, travel, policy, shared } = parts;
  const asks: Ask[] = [];
  const stored: Stored[] = [];
  const purges: RecordedPurge[] = [];
  let order = 0;
  const moment = (): Moment => {
    order += 1;
    return { atMs: now(), order };
  };

  async function purgeShared(tier: SharedTier, by: number, { id, told }: RecordedPurge): Promise<void> {
    await travel('command', by);
    await tier.purge('image', id);
    await Promise.all(
      replicas.map(async ({ lookup }, replica) => {
        await travel('announcement', replica);
        lookup.forget('image', id);
        told.set(replica, moment());
      }),
    );
  }

  /** A thing can happen while a command is on its way, and while its reply is. */
  async function thereAndBack<T>(replica: number, call: () => Promise<T>): Promise<T> {
    await travel('command', replica);
    const reply = await call();
    await travel('reply', replica);
    return reply;
  }

  function recordPurge(id: string) {
    const purge = { id, began: moment(), told: new Map<number, Moment>() };
    purges.push(purge);
    return purge;
  }

  /** Records what a write comes to. */
  async function storing(id: string, by: number, answer: Answer, write: () => Promise<boolean>) {
    const written = await write();
    if (written) stored.push({ id, ask: askOf(answer), by, ...moment() });
    return written;
  }

  function flightSeenBy(replica: number, id: string, flight: SharedJoin['flight']): SharedJoin['flight'] {
    if (flight === undefined) return undefined;
    if (flight.role === 'follower') {
      const ending = async () => {
        const ended = await flight.ending();
        await travel('announcement', replica);
        return ended;
      };
      return { ...flight, ending };
    }
    const store: LedFlight['store'] = (answer) =>
      thereAndBack(replica, () => storing(id, replica, answer, () => flight.store(answer)));
    return { ...flight, store, end: (ending) => thereAndBack(replica, () => flight.end(ending)) };
  }

  function seenBy(replica: number, tier: SharedTier): SharedCache {
    const flights = tier.flightsOf?.(String(replica));
    return {
      read: (kind, id) => thereAndBack(replica, () => tier.read(kind, id)),
      write: (kind, id, answer, mark) =>
        thereAndBack(replica, () => storing(id, replica, answer, () => tier.write(kind, id, answer, mark))),
      flights: flights && {
        ...flights,
        async join(kind, id, anyway) {
          const joined = await thereAndBack(replica, () => flights.join(kind, id, anyway));
          return { ...joined, flight: flightSeenBy(replica, id, joined.flight) };
        },
      },
      // The lookup itself purges, too: what the upstream said to be over.
      purge: (_kind, id) => purgeShared(tier, replica, recordPurge(id)),
    };
  }

  function createReplica(offsetMs: number, replica: number) {
    const clock = { now: () => now() + offsetMs };
    const trustMs = shared === undefined ? Number.POSITIVE_INFINITY : parts.trustMs;
    const memory = createMemoryCache({ maxBytes: 1_000_000, trustMs, clock });
    const lookup = createLookup({
      memory,
      shared: shared && seenBy(replica, shared),
      upstream: {
        async fetchProject(_kind, id) {
          const at = asks.length;
          const ask: Ask = { id, replica, sent: moment() };
          asks.push(ask);
          const said = await parts.upstream(id, String(at)).catch((error: unknown) => {
            asks[at] = { ...ask, over: moment() };
            throw error;
          });
          asks[at] = { ...ask, over: moment(), said };
          return said.body && { body: said.body, dateMs: said.dateMs, hangUp: () => undefined };
        },
      },
      clock,
      policy,
      events: recordEvents(),
    });
    return { memory, lookup, clock };
  }

  const replicas = parts.offsetsMs.map(createReplica);
  const at = (replica: number) => {
    const found = replicas[replica];
    if (found === undefined) throw new Error(`there is no replica ${replica}`);
    return found;
  };
  return {
    asks,
    stored,
    purges,
    memories: replicas.map(({ memory }) => memory),
    clockOf: (replica) => at(replica).clock.now(),
    moment,
    find: async (replica, id, minValidSeconds) =>
      at(replica).lookup.find({ kind: 'image', id, minValidSeconds, traceparent: undefined }),
    async purge(replica, id) {
      const purge = recordPurge(id);
      at(replica).lookup.forget('image', id);
      if (shared === undefined) purge.told.set(replica, moment());
      else await purgeShared(shared, replica, purge);
    },
  };
}

/** Which request brought an answer; `undefined` for a 404, which has no name. */
export function askOf(answer: Answer): number | undefined {
  return answer.found ? Number(/"name":"(\d+)"/.exec(answer.body)?.[1]) : undefined;
}
