import fc from 'fast-check';
import { createMemoryCache } from '../../src/cache/memory-cache.ts';
import type { FoundAnswer } from '../../src/lookup/answer.ts';
import { createLookup } from '../../src/lookup/lookup.ts';
import type { MemoryCache, TraceContext, Upstream } from '../../src/lookup/ports.ts';
import { download, isoTime, NOW_MS, POLICY, projectBody } from './builders.ts';
import { createInProcessShared, type InProcessShared, recordEvents } from './lookup-parts.ts';
import { createManualClock } from './manual-clock.ts';

/** What the upstream says to each request in turn. */
export const replies = fc.infiniteStream(
  fc.record({
    outcome: fc.constantFrom('complete', 'complete', 'queued', 'error', 'deleted', 'unknown id', 'failure'),
    lifeSeconds: fc.integer({ min: 0, max: 200 }),
  }),
);

export interface LookupWorld {
  readonly clock: ReturnType<typeof createManualClock>;
  readonly shared: InProcessShared | undefined;
  readonly memories: readonly MemoryCache[];
  /** How many purges have been asked for. */
  readonly purges: number;
  /** Upstream requests that were begun while another of the same flight's time was under way, which must not be. */
  readonly doubles: number;
  find(at: number, minValidSeconds: number | undefined): ReturnType<ReturnType<typeof createLookup>['find']>;
  /** As the ops listener does it: on this replica, in the shared tier, then on every replica. */
  purge(at: number): Promise<void>;
}

/**
 * Replicas over one upstream (and one shared tier, if they are several), all of whose waiting ends in an order that
 * the scheduler chooses. A found answer's `name` is the number of purges that had been asked for when the upstream
 * was asked.
 */
export function createLookupWorld(
  scheduler: fc.Scheduler,
  stream: fc.Stream<{ readonly outcome: string; readonly lifeSeconds: number }>,
  size: number,
): LookupWorld {
  const clock = createManualClock(NOW_MS);
  const shared = size === 1 ? undefined : createInProcessShared(thereAndBack);
  let purges = 0;
  let doubles = 0;

  async function later<T>(label: string, call: () => T): Promise<T> {
    await scheduler.schedule(Promise.resolve(), label);
    return call();
  }

  /** A purge can come while a command is on its way, and while its reply is. */
  async function thereAndBack<T>(call: () => T): Promise<T> {
    const reply = await later('command', call);
    return later('reply', () => reply);
  }

  function reply(name: string): Buffer | undefined {
    const { outcome, lifeSeconds } = stream.next().value;
    if (outcome === 'failure') throw new Error('failure');
    if (outcome === 'unknown id') return undefined;
    const downloads = outcome === 'complete' ? [download(isoTime(clock.now() + lifeSeconds * 1000))] : [];
    const status = outcome === 'deleted' ? 'complete' : outcome;
    return projectBody({ name, status, downloads, enabled: outcome !== 'deleted' });
  }

  function createReplica() {
    const tier = createMemoryCache({ maxBytes: 1_000_000, trustMs: shared ? 30_000 : Infinity, clock });
    // Each time that something is forgotten, a flight may begin beside one that was given up.
    let epoch = 0;
    const memory: MemoryCache = {
      ...tier,
      remove(kind, id) {
        epoch += 1;
        tier.remove(kind, id);
      },
    };
    const flying: Array<TraceContext['traceparent']> = [];
    const upstream: Upstream = {
      async fetchProject(_kind, _id, { traceparent }) {
        if (traceparent !== undefined && flying.includes(traceparent)) doubles += 1;
        flying.push(traceparent);
        const name = String(purges);
        return later('upstream', () => {
          flying.splice(flying.indexOf(traceparent), 1);
          return reply(name);
        });
      },
    };
    const lookup = createLookup({ memory, shared, upstream, clock, policy: POLICY, events: recordEvents() });
    /** A flight is told by the epoch in which it began; a caller with min_valid can begin one later than it came. */
    const find = (minValidSeconds: number | undefined) => {
      const traceparent = minValidSeconds === undefined || shared === undefined ? String(epoch) : undefined;
      return lookup.find({ kind: 'image', id: 'p1', minValidSeconds, traceparent });
    };
    return { memory, find, forget: () => lookup.forget('image', 'p1') };
  }

  const replicas = Array.from({ length: size }, createReplica);
  const replica = (at: number) => {
    const found = replicas[at % size];
    if (found === undefined) throw new Error('there is no replica');
    return found;
  };
  return {
    clock,
    shared,
    memories: replicas.map(({ memory }) => memory),
    get purges() {
      return purges;
    },
    get doubles() {
      return doubles;
    },
    find: async (at, minValidSeconds) => replica(at).find(minValidSeconds),
    async purge(at) {
      purges += 1;
      replica(at).forget();
      if (shared === undefined) return;
      await shared.purge('image', 'p1');
      await Promise.all(replicas.map(({ forget }) => later('announcement', forget)));
    },
  };
}

/** How many purges had been asked for when the upstream was asked for this answer. */
export function purgesBefore(answer: FoundAnswer): number {
  return Number(/"name":"(\d+)"/.exec(answer.body)?.[1]);
}
