import fc from 'fast-check';
import { HttpError } from '../../src/errors.ts';
import type { Found } from '../../src/lookup/found.ts';
import type { SharedFlights } from '../../src/lookup/ports.ts';
import { NOW_MS, POLICY } from './builders.ts';
import { createLookupWorld, type LookupWorld, type Moment, type SharedTier } from './lookup-world.ts';
import type { VirtualTime } from './manual-clock.ts';
import { modelProjects, stateOf } from './model-upstream.ts';

export const TRUST_MS = 30_000;
/** As long as a flight may last and some more, as the service sets it. */
export const PURGE_MARK_MS = 17_000;
/** What travels between the lookup and the shared tier takes no longer, one way. */
export const MAX_TRAVEL_MS = 20;
export const MAX_UPSTREAM_MS = 3000;
/** How long a replica waits for news of another's flight before it reads again. */
export const LISTEN_MS = 500;
const REPLICAS = 3;

const replica = fc.nat({ max: REPLICAS - 1 });
const id = fc.constantFrom('p0', 'p0', 'p0', 'p1');
const find = fc.record({
  act: fc.constant('find' as const),
  replica,
  id,
  minValidSeconds: fc.option(fc.constantFrom(0, 60, 3600, 86_400), { nil: undefined, freq: 3 }),
});
const pass = fc.record({
  act: fc.constant('pass' as const),
  ms: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 1500 }) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 40_000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 7_200_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 90_000_000 }) },
  ),
});
const purge = fc.record({ act: fc.constant('purge' as const), replica, id });
const turn = fc.record({ act: fc.constantFrom('break Redis', 'break the upstream', 'mend all', 'mend all') });

const steps = fc.array(
  fc.oneof(
    { weight: 14, arbitrary: find },
    { weight: 8, arbitrary: pass },
    { weight: 1, arbitrary: purge },
    { weight: 1, arbitrary: turn },
  ),
  { minLength: 2, maxLength: 40, size: 'max' },
);

/** @param offsets of the replicas' clocks, in milliseconds */
export const timelines = (offsets: fc.Arbitrary<number>) =>
  fc.record({
    steps,
    projects: fc.tuple(modelProjects, modelProjects),
    offsetsMs: fc.tuple(offsets, offsets, offsets),
    travelMs: fc.infiniteStream(fc.constantFrom(0, 0, 1, MAX_TRAVEL_MS)),
    upstreamMs: fc.infiniteStream(fc.constantFrom(0, 10, 400, MAX_UPSTREAM_MS)),
  });
export type Timeline = ReturnType<typeof timelines> extends fc.Arbitrary<infer T> ? T : never;

/** What a caller was answered, and when. */
export interface Served {
  readonly replica: number;
  readonly id: string;
  readonly minValidSeconds: number | undefined;
  readonly asked: Moment;
  readonly answered: Moment;
  /** `undefined`: an error. */
  readonly found: Found | undefined;
}

export interface TimelineRun {
  readonly world: LookupWorld;
  readonly offsetsMs: readonly number[];
  /** By how much Redis' time may run ahead of true time: a real server's never stands still. */
  readonly redisAheadMs: number;
  /** Until when Redis was last away; moments of true time. */
  readonly redisBrokenAtMs: readonly number[];
}

/** Lives a timeline through; `judge` is called at each moment that a caller gets an answer. */
export async function live(
  timeline: Timeline,
  parts: {
    readonly time: VirtualTime;
    readonly shared: SharedTier;
    /** Default 0. */
    readonly redisAheadMs?: number;
    readonly judge: (served: Served, run: TimelineRun) => void;
  },
): Promise<TimelineRun> {
  const { time, shared, redisAheadMs = 0, judge } = parts;
  const { offsetsMs, projects, travelMs, upstreamMs } = timeline;
  const redisBrokenAtMs: number[] = [];
  const faults: unknown[] = [];
  let upstreamBroken = false;
  let redisBroken = false;

  function reach<T>(call: () => Promise<T>): Promise<T> {
    if (!redisBroken) return call();
    redisBrokenAtMs.push(time.now());
    return Promise.reject(new Error('Redis is away'));
  }

  function reached(flights: SharedFlights): SharedFlights {
    return {
      ...flights,
      async join(kind, each, anyway) {
        const joined = await reach(() => flights.join(kind, each, anyway));
        const { flight } = joined;
        if (flight?.role !== 'leader') return joined;
        const store: typeof flight.store = (answer) => reach(() => flight.store(answer));
        return { ...joined, flight: { ...flight, store, end: (ending) => reach(() => flight.end(ending)) } };
      },
    };
  }

  const { flightsOf } = shared;
  const world = createLookupWorld({
    now: time.now,
    offsetsMs,
    shared: {
      read: (kind, each) => reach(() => shared.read(kind, each)),
      write: (kind, each, answer, mark) => reach(() => shared.write(kind, each, answer, mark)),
      purge: (kind, each) => reach(() => shared.purge(kind, each)),
      ...(flightsOf && { flightsOf: (name: string) => reached(flightsOf(name)) }),
    },
    travel: () => time.wait(travelMs.next().value),
    async upstream(asked, name) {
      const project = projects[asked === 'p0' ? 0 : 1];
      const broken = upstreamBroken;
      const dateMs = Math.floor(time.now() / 1000) * 1000;
      const said = stateOf(project, time.now(), { id: asked, name, startMs: NOW_MS });
      await time.wait(upstreamMs.next().value);
      if (broken) throw new HttpError('upstream_error');
      return { ...said, dateMs };
    },
    policy: POLICY,
    trustMs: TRUST_MS,
  });
  const run: TimelineRun = { world, offsetsMs, redisAheadMs, redisBrokenAtMs };

  async function ask(step: {
    readonly replica: number;
    readonly id: string;
    readonly minValidSeconds: number | undefined;
  }) {
    const asked = world.moment();
    const found = await world.find(step.replica, step.id, step.minValidSeconds).catch(() => undefined);
    const answer: Served = { ...step, asked, answered: world.moment(), found };
    judge(answer, run);
  }

  const waiting: Array<Promise<unknown>> = [];
  for (const step of timeline.steps) {
    if (step.act === 'find') waiting.push(ask(step).catch((fault: unknown) => faults.push(fault)));
    if (step.act === 'pass') await time.pass(step.ms);
    if (step.act === 'purge') waiting.push(world.purge(step.replica, step.id).catch(() => undefined));
    if (step.act === 'break Redis') redisBroken = true;
    if (step.act === 'break the upstream') upstreamBroken = true;
    if (step.act === 'mend all') redisBroken = upstreamBroken = false;
  }
  await time.pass(60_000);
  await Promise.all(waiting);
  for (const fault of faults) throw fault;
  return run;
}
