import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { HttpError } from '../../src/errors.ts';
import { createUpstreamCosts } from '../../src/http/upstream-costs.ts';
import type { SharedCounter } from '../../src/limits/counter.ts';
import { createSettlingStore } from '../../src/limits/settling-store.ts';
import type { Clock } from '../../src/lookup/ports.ts';
import { createManualClock } from '../support/manual-clock.ts';

vi.setConfig({ testTimeout: 60_000 });

const WINDOW_SECONDS = 60;
/** By how much all replicas together may be behind what was counted (limits/settling-store.ts). */
const UNSETTLED = 1.05;

/** Replicas over shared counters, whose answers come when the scheduler says. */
function fleet(replicas: number, budgetMax: number, shareMax: number, scheduler: fc.Scheduler) {
  const clock = createManualClock();
  const totals = new Map<string, number>();
  const store = (name: string, max: number) => {
    const count: SharedCounter = async (key, hits, windowLeftMs) => {
      await scheduler.schedule(Promise.resolve(), 'the way there');
      const total = (totals.get(name + key) ?? 0) + hits;
      totals.set(name + key, total);
      await scheduler.schedule(Promise.resolve(), 'the way back');
      return { totalHits: total, windowLeftMs };
    };
    return {
      max,
      store: createSettlingStore({ count, max, windowMs: WINDOW_SECONDS * 1000, replicas, clock }),
    };
  };
  const all = Array.from({ length: replicas }, () =>
    createUpstreamCosts({
      windowSeconds: WINDOW_SECONDS,
      perUser: undefined,
      budget: { fleet: store('fleet', budgetMax), perTenant: store('tenant', shareMax) },
      clock,
      events: { limitExceeded: () => undefined, pollCharged: () => undefined },
    }),
  );
  /** @returns the code that it was refused with, if it was */
  const pay = async (replica: number, tenantKey: string): Promise<string | undefined> => {
    const costs = all[replica % replicas];
    if (costs === undefined) throw new Error('no such replica');
    try {
      await costs.of({ userKey: `user of ${tenantKey}`, tenantKey }, () => undefined).pay();
      return undefined;
    } catch (error) {
      return error instanceof HttpError ? error.code : String(error);
    }
  };
  return { pay, clock };
}

const windowOf = (clock: Clock) => Math.floor(clock.now() / (WINDOW_SECONDS * 1000));

test('whatever one tenant does, at whatever replicas, another that keeps to what is left of the budget is never refused', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 20, max: 120 }),
      fc.constantFrom(0.25, 0.5, 0.75),
      fc.array(
        fc.record({
          turns: fc.array(fc.record({ greedy: fc.boolean(), replica: fc.nat(3) }), { maxLength: 50 }),
          passMs: fc.nat(45_000),
        }),
        { maxLength: 8 },
      ),
      async (scheduler, replicas, budgetMax, share, rounds) => {
        const shareMax = Math.floor(budgetMax * share);
        const left = Math.min(shareMax, Math.floor(budgetMax - shareMax * UNSETTLED));
        const { pay, clock } = fleet(replicas, budgetMax, shareMax, scheduler);
        // By window: what the modest one asked, and what the greedy one got.
        const [modest, greedyPaid] = [new Map<number, number>(), new Map<number, number>()];
        const countIn = (counts: Map<number, number>) => {
          const number = windowOf(clock);
          counts.set(number, (counts.get(number) ?? 0) + 1);
        };
        for (const { turns, passMs } of rounds) {
          const asked = turns.flatMap(({ greedy, replica }) => {
            if (!greedy && (modest.get(windowOf(clock)) ?? 0) >= left) return [];
            if (!greedy) countIn(modest);
            return [{ greedy, refused: pay(replica, greedy ? 'greedy' : 'modest') }];
          });
          const all = Promise.all(
            asked.map(async ({ greedy, refused }) => ({ greedy, refused: await refused })),
          );
          for (const { greedy, refused } of await scheduler.waitFor(all)) {
            expect([greedy, refused]).toEqual([greedy, greedy ? refused : undefined]);
            // It is never told that nobody is guilty where it is.
            expect(refused).not.toBe('upstream_unavailable');
            if (greedy && refused === undefined) countIn(greedyPaid);
          }
          clock.advance(passMs);
        }
        for (const paid of greedyPaid.values())
          expect(paid).toBeLessThanOrEqual(Math.floor(shareMax * UNSETTLED));
      },
    ),
    { numRuns: 60 },
  );
});
