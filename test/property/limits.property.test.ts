import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { SharedCounter } from '../../src/limits/counter.ts';
import type { LimitStore } from '../../src/limits/limit-store.ts';
import { createSettlingStore } from '../../src/limits/settling-store.ts';
import { createManualClock } from '../support/manual-clock.ts';

const WINDOW_MS = 60_000;

vi.setConfig({ testTimeout: 60_000 });

/** Replicas over one counter, whose every answer comes when the scheduler says, in any order. */
function fleet({
  max,
  replicas,
  scheduler,
  atOnce,
}: {
  max: number;
  replicas: number;
  scheduler: fc.Scheduler;
  /** Whether hits are counted at once where that can be. */
  atOnce: boolean;
}) {
  const clock = createManualClock();
  let reachable = true;
  let settlements = 0;
  let total = 0;
  let endsAtMs = clock.now();
  const count: SharedCounter = async (_key, hits, windowLeftMs) => {
    await scheduler.schedule(Promise.resolve(), 'the way there');
    settlements += 1;
    if (!reachable) throw new Error('away');
    if (endsAtMs <= clock.now()) {
      total = 0;
      endsAtMs = clock.now() + windowLeftMs;
    }
    total += hits;
    const answer = { totalHits: total, windowLeftMs: endsAtMs - clock.now() };
    await scheduler.schedule(Promise.resolve(), 'the way back');
    return answer;
  };
  const stores = Array.from({ length: replicas }, () =>
    createSettlingStore({ count, max, windowMs: WINDOW_MS, replicas, clock }),
  );
  async function isLetOn(store: LimitStore): Promise<boolean> {
    const { totalHits } =
      atOnce && store.hasRoom('alice') ? store.hit('alice') : await store.increment('alice');
    return totalHits <= max;
  }

  return {
    clock,
    /** Asks one replica after another, each before the one before is answered. @returns who was let on, in turn */
    async ask(turns: readonly number[]): Promise<boolean[]> {
      const answers = turns.map(async (turn) => {
        const store = stores[turn % replicas];
        return store !== undefined && isLetOn(store);
      });
      await scheduler.waitAll();
      return Promise.all(answers);
    },
    goAway: () => {
      reachable = false;
    },
    settlements: () => settlements,
  };
}

const letOn = (answers: readonly boolean[]) => answers.filter(Boolean).length;

const scenario = fc.record({
  max: fc.integer({ min: 1, max: 400 }),
  replicas: fc.integer({ min: 1, max: 4 }),
  scheduler: fc.scheduler(),
  atOnce: fc.boolean(),
  // Bursts: what is asked together, and in which order the replicas are hit.
  bursts: fc.array(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 80 }), {
    minLength: 1,
    maxLength: 8,
  }),
});

describe('a limit shared by replicas that settle now and then', () => {
  test('refuses nobody early, and lets at most 5 % more through than it says, in any interleaving', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ max, bursts, ...world }) => {
        const replicasAsked = fleet({ max, ...world });
        const answers: boolean[] = [];
        for (const burst of bursts) answers.push(...(await replicasAsked.ask(burst)));
        expect(letOn(answers)).toBeLessThanOrEqual(Math.floor(max * 1.05));
        expect(letOn(answers)).toBeGreaterThanOrEqual(Math.min(max, answers.length));
      }),
      { numRuns: 100 },
    );
  });

  test('begins anew with each window', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ max, bursts, ...world }) => {
        const replicasAsked = fleet({ max, ...world });
        for (const burst of bursts) {
          const answers = await replicasAsked.ask(burst);
          expect(letOn(answers)).toBeGreaterThanOrEqual(Math.min(max, burst.length));
          replicasAsked.clock.advance(WINDOW_MS);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('lets each replica pass its share while the counter is away', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ max, replicas, bursts, ...world }) => {
        const replicasAsked = fleet({ max, replicas, ...world });
        replicasAsked.goAway();
        const turns = bursts.flat();
        const answers: boolean[] = [];
        for (const burst of bursts) answers.push(...(await replicasAsked.ask(burst)));
        const share = Math.floor(max / replicas);
        for (let replica = 0; replica < replicas; replica += 1) {
          const own = answers.filter((_, at) => (turns[at] ?? 0) % replicas === replica);
          expect(letOn(own)).toBe(Math.min(share, own.length));
        }
      }),
      { numRuns: 100 },
    );
  });

  test('asks the counter about few of those far below it, and about none of those over it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const one = fleet({ max: 400, replicas: 1, scheduler, atOnce: true });
        for (let n = 0; n < 200; n += 1) await one.ask([0]);
        expect(one.settlements()).toBeLessThanOrEqual(200 / 10);
        for (let n = 0; n < 210; n += 1) await one.ask([0]);
        const untilRefused = one.settlements();
        for (let n = 0; n < 50; n += 1) expect(await one.ask([0])).toEqual([false]);
        expect(one.settlements()).toBe(untilRefused);
      }),
      { numRuns: 5 },
    );
  });
});
