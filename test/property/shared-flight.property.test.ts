import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { POLICY } from '../support/builders.ts';
import {
  createFailingFleet,
  type FailingFleet,
  LOCK_MS,
  MAX_TRAVEL_MS,
  MAX_UPSTREAM_MS,
} from '../support/failing-fleet.ts';
import type { Ask } from '../support/lookup-world.ts';

const SIZE = 4;
/** Renewals and news are looked for so often that a lock that is lost is taken within this. */
const TAKEN_OVER_MS = LOCK_MS + 10 * MAX_TRAVEL_MS;

const replica = fc.nat({ max: SIZE - 1 });
const find = fc.record({ act: fc.constant('find' as const), replica });
const storm = fc.record({ act: fc.constant('storm' as const) });
const pass = fc.record({
  act: fc.constant('pass' as const),
  ms: fc.oneof(fc.integer({ min: 1, max: 1500 }), fc.integer({ min: 1, max: 6000 })),
});
const fault = fc.record({ act: fc.constantFrom('kill', 'stall', 'cut off'), replica });
const wake = fc.record({ act: fc.constant('wake' as const), replica });

const calm = [
  { weight: 6, arbitrary: find },
  { weight: 1, arbitrary: storm },
  { weight: 6, arbitrary: pass },
] as const;
const rough = [...calm, { weight: 2, arbitrary: fault }, { weight: 3, arbitrary: wake }] as const;
type Step = typeof rough extends ReadonlyArray<{ arbitrary: fc.Arbitrary<infer T> }> ? T : never;

const journeys = (steps: fc.Arbitrary<Step>) =>
  fc.record({
    steps: fc.array(steps, { minLength: 2, maxLength: 40, size: 'max' }),
    travelMs: fc.infiniteStream(fc.constantFrom(0, 0, 1, MAX_TRAVEL_MS)),
    upstreamMs: fc.infiniteStream(fc.constantFrom(10, 400, MAX_UPSTREAM_MS)),
  });
type Journey = ReturnType<typeof journeys> extends fc.Arbitrary<infer T> ? T : never;

/** Lives it through. @returns the number of faults, and how long whoever was answered had waited */
async function live({ steps, travelMs, upstreamMs }: Journey) {
  const fleet = createFailingFleet({ size: SIZE, travelMs, upstreamMs });
  const { time, world } = fleet;
  const killed = new Set<number>();
  const waits: Array<{ readonly replica: number; readonly beganMs: number; tookMs?: number }> = [];
  let faults = 0;

  function ask(at: number): void {
    if (!fleet.isRunning(at)) return;
    const wait: (typeof waits)[number] = { replica: at, beganMs: time.now() };
    waits.push(wait);
    void world.find(at, 'p1').then(() => {
      wait.tookMs = time.now() - wait.beganMs;
    });
  }

  function take(step: Step): Promise<void> | undefined {
    if (step.act === 'pass') return time.pass(step.ms);
    if (step.act === 'find') ask(step.replica);
    if (step.act === 'storm') for (let n = 0; n < 5 * SIZE; n += 1) ask(n % SIZE);
    if (step.act === 'kill' || step.act === 'stall' || step.act === 'cut off') {
      faults += 1;
      if (step.act === 'kill') killed.add(step.replica);
      if (step.act === 'cut off') fleet.cutOff(step.replica);
      else fleet.stall(step.replica);
    }
    if (step.act === 'wake' && !killed.has(step.replica)) fleet.wake(step.replica);
    return undefined;
  }

  for (const step of steps) await take(step);
  for (let at = 0; at < SIZE; at += 1) if (!killed.has(at)) fleet.wake(at);
  await time.pass(10 * 60_000);
  return { fleet, faults, waits: waits.filter(({ replica: at }) => !killed.has(at)), steps };
}

/** Requests that were sent while the upstream was at an earlier one, or the answer to that was not over. */
function extraAsks({ world }: FailingFleet) {
  const overAtMs = ({ sent, over }: Ask) =>
    Math.min(sent.atMs + MAX_UPSTREAM_MS, over?.atMs ?? Number.POSITIVE_INFINITY);
  return world.asks.filter((ask, at) =>
    world.asks.slice(0, at).some((other) => overAtMs(other) + POLICY.pendingTtlMs > ask.sent.atMs),
  );
}

describe('four replicas with many watchers of one unfinished project', () => {
  test('ask the upstream once in the life of its answer', async () => {
    await fc.assert(
      fc.asyncProperty(journeys(fc.oneof(...calm)), async (journey) => {
        const { fleet, waits } = await live(journey);
        expect(extraAsks(fleet)).toEqual([]);
        for (const { tookMs } of waits)
          expect(tookMs).toBeLessThanOrEqual(MAX_UPSTREAM_MS + 10 * MAX_TRAVEL_MS);
      }),
      { numRuns: 500 },
    );
  });

  test('are answered in bounded time, and keep nothing older than they had, whoever dies, stalls or is cut off', async () => {
    await fc.assert(
      fc.asyncProperty(journeys(fc.oneof(...rough)), async (journey) => {
        const { fleet, faults, waits, steps } = await live(journey);
        // Each of them can come just as the next has taken over, and a replica can sleep for as long as all steps take.
        const passedMs = steps.reduce((sum, step) => sum + (step.act === 'pass' ? step.ms : 0), 0);
        const boundMs = passedMs + (faults + 1) * (TAKEN_OVER_MS + MAX_UPSTREAM_MS);
        for (const { tookMs } of waits) expect(tookMs).toBeLessThanOrEqual(boundMs);
        const sentOrders = fleet.world.stored.map(({ ask = -1 }) => fleet.world.asks[ask]?.sent.order ?? 0);
        expect(sentOrders).toEqual(sentOrders.toSorted((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });

  test('ask no more than twice as often as somebody dies or stalls besides', async () => {
    const steps = fc.oneof(...rough).filter(({ act }) => act !== 'cut off');
    await fc.assert(
      fc.asyncProperty(journeys(steps), async (journey) => {
        const { fleet, faults } = await live(journey);
        expect(extraAsks(fleet).length).toBeLessThanOrEqual(2 * faults);
      }),
      { numRuns: 500 },
    );
  });
});
