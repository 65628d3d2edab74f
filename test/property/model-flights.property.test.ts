import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FollowedFlight, LedFlight, SharedCache, SharedFlights } from '../../src/lookup/ports.ts';
import { answer, bodyOf, NOW_MS, settle } from '../support/builders.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createModelRedis } from '../support/model-redis.ts';
import { type RealRedisTier, startRealRedisTier } from '../support/real-redis-tier.ts';

/** Lives end halfway between two of the times that pass, far from what a real server's clock adds by itself. */
const TICK_MS = 20_000;
const LOCK_MS = TICK_MS / 2 + TICK_MS;
const PURGE_MARK_MS = 5 * TICK_MS + TICK_MS / 2;

let redis: RealRedisTier;
beforeAll(async () => {
  redis = await startRealRedisTier(PURGE_MARK_MS, LOCK_MS);
});
afterAll(() => redis.stop());

const led = fc.nat({ max: 4 });
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ act: fc.constant('join' as const), anyway: fc.boolean() }) },
    {
      weight: 3,
      arbitrary: fc.record({ act: fc.constant('store' as const), led, ticks: fc.nat({ max: 3 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        act: fc.constant('end' as const),
        led,
        how: fc.constantFrom('unkept', 'dropped', 'failed'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('purge' as const) }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('pass' as const) }) },
  ),
  { minLength: 1, maxLength: 25, size: 'max' },
);
type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never;

/** Takes the steps, and tells what each of them brought, and what was told to those who waited. */
async function transcript(
  path: Steps,
  tier: Pick<SharedCache, 'purge'>,
  flights: SharedFlights,
  pass: (ms: number) => Promise<void>,
) {
  const leading: LedFlight[] = [];
  const following: FollowedFlight[] = [];
  const told: unknown[] = [];
  for (const [at, step] of path.entries()) {
    const flight = 'led' in step ? leading[step.led % leading.length] : undefined;
    if (step.act === 'join') {
      const joined = await flights.join('image', 'p1', step.anyway);
      if (joined.flight?.role === 'leader') leading.push(joined.flight);
      if (joined.flight?.role === 'follower') following.push(joined.flight);
      const found = joined.answer && ({ answer: joined.answer, source: 'redis', collapsed: false } as const);
      const name = found && bodyOf({ ...found, forwarded: 'stale' });
      told.push({ at, role: joined.flight?.role, name, purged: joined.purgeMark !== undefined });
    }
    if (step.act === 'store') {
      const times = { fetchedAtMs: NOW_MS, freshUntilMs: NOW_MS + step.ticks * TICK_MS + TICK_MS / 2 };
      told.push({ at, stored: await flight?.store(answer({ name: String(at) }, times)) });
    }
    if (step.act === 'end') {
      await flight?.end(
        step.how === 'failed' ? { how: 'failed', code: 'upstream_error' } : { how: step.how },
      );
    }
    if (step.act === 'purge') await tier.purge('image', 'p1');
    if (step.act === 'pass') await pass(TICK_MS);
  }
  return { told, following };
}

test('the flights of the model are those of a real Redis', async () => {
  const { flights } = redis.shared;
  if (flights === undefined) throw new Error('there are no flights');
  await fc.assert(
    fc.asyncProperty(steps, async (path) => {
      await redis.clear();
      const clock = createManualClock(NOW_MS);
      const model = createModelRedis({
        now: clock.now,
        purgeMarkMs: PURGE_MARK_MS,
        flights: { lockMs: LOCK_MS },
      });
      const modelled = await transcript(path, model, model.flightsOf('r'), async (ms) => clock.advance(ms));
      const real = await transcript(path, redis.shared, flights, redis.age);
      expect(real.told).toEqual(modelled.told);
      for (const [n, flight] of modelled.following.entries()) {
        const ending = await Promise.race([flight.ending(), settle()]);
        // What isn't told would only be waited for.
        if (ending) expect(await real.following[n]?.ending()).toEqual(ending);
      }
    }),
    { numRuns: 200 },
  );
}, 120_000);
