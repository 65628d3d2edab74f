import { NOW_MS, POLICY, projectBody } from './builders.ts';
import { createLookupWorld, type LookupWorld } from './lookup-world.ts';
import { createVirtualTime, type VirtualTime } from './manual-clock.ts';
import { createModelRedis } from './model-redis.ts';

export const LOCK_MS = 2000;
export const LISTEN_MS = 500;
export const MAX_UPSTREAM_MS = 3000;
export const MAX_TRAVEL_MS = 20;
const RENEW_MS = LOCK_MS / 4;
const MAX_WAITS = 100;

/** Replicas that can be killed, stalled and cut off from Redis. */
export interface FailingFleet {
  readonly time: VirtualTime;
  readonly world: LookupWorld;
  /** What it was doing is never done. */
  kill(replica: number): void;
  /** Nothing that arrives is seen until it wakes, nor does a timer run. */
  stall(replica: number): void;
  wake(replica: number): void;
  /** From now on its commands don't reach Redis. */
  cutOff(replica: number): void;
  isRunning(replica: number): boolean;
}

/** Over the model of Redis, in virtual time, all about one project that is never finished. */
export function createFailingFleet(options: {
  readonly size: number;
  readonly travelMs: Iterator<number, number>;
  readonly upstreamMs: Iterator<number, number>;
}): FailingFleet {
  const { size, travelMs, upstreamMs } = options;
  const time = createVirtualTime(NOW_MS);
  const stalls = new Map<number, PromiseWithResolvers<void>>();
  const cut = new Set<number>();
  const running = (replica: number) => stalls.get(replica)?.promise ?? Promise.resolve();

  const flights = { wait: time.wait, lockMs: LOCK_MS, listenMs: LISTEN_MS, maxWaits: MAX_WAITS };
  const redis = createModelRedis({ now: time.now, purgeMarkMs: 60_000, flights });

  async function reach<T>(replica: number, call: () => Promise<T>): Promise<T> {
    if (cut.has(replica)) throw new Error('cut off');
    return call();
  }

  async function keepRenewing(replica: number, renew: () => boolean): Promise<void> {
    do {
      await time.wait(RENEW_MS);
      await running(replica);
    } while (!cut.has(replica) && renew());
  }

  const world = createLookupWorld({
    now: time.now,
    offsetsMs: Array<number>(size).fill(0),
    shared: {
      ...redis,
      // Here only those come to this who are cut off.
      write: () => Promise.reject(new Error('cut off')),
      flightsOf(name) {
        const replica = Number(name);
        const seen = redis.flightsOf(name, (renew) => void keepRenewing(replica, renew));
        return {
          ...seen,
          async join(kind, id, anyway) {
            const joined = await reach(replica, () => seen.join(kind, id, anyway));
            const { flight } = joined;
            if (flight?.role !== 'leader') return joined;
            const store: typeof flight.store = (answer) => reach(replica, () => flight.store(answer));
            const end: typeof flight.end = (ending) => reach(replica, () => flight.end(ending));
            return { ...joined, flight: { ...flight, store, end } };
          },
        };
      },
    },
    async travel(what, replica) {
      await time.wait(travelMs.next().value);
      if (what !== 'command') await running(replica);
    },
    async upstream(id, name) {
      const { replica } = world.asks[Number(name)] ?? { replica: 0 };
      await time.wait(upstreamMs.next().value);
      await running(replica);
      const body = projectBody({ id, name, status: 'queued', downloads: [] });
      return { body, status: 'queued', enabled: true, endMs: undefined, endsKnown: true, dateMs: undefined };
    },
    policy: POLICY,
    trustMs: 30_000,
  });

  return {
    time,
    world,
    kill: (replica) => void stalls.set(replica, Promise.withResolvers()),
    stall(replica) {
      if (!stalls.has(replica)) stalls.set(replica, Promise.withResolvers());
    },
    wake(replica) {
      stalls.get(replica)?.resolve();
      stalls.delete(replica);
    },
    cutOff: (replica) => void cut.add(replica),
    isRunning: (replica) => !stalls.has(replica),
  };
}
