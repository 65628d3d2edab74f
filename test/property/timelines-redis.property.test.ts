import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SharedCache } from '../../src/lookup/ports.ts';
import { answer, bodyOf, NOW_MS } from '../support/builders.ts';
import { createManualClock, createVirtualTime } from '../support/manual-clock.ts';
import { createModelRedis } from '../support/model-redis.ts';
import { type RealRedisTier, startRealRedisTier } from '../support/real-redis-tier.ts';
import { live, PURGE_MARK_MS, timelines } from '../support/timeline.ts';
import { judge } from '../support/timeline-referee.ts';
import { review } from '../support/timeline-review.ts';

/** A real server's time goes on while virtual time stands still; no run on it takes as long as this. */
const REDIS_AHEAD_MS = 5000;
const FIVE_MINUTES_MS = 300_000;

let redis: RealRedisTier;
beforeAll(async () => {
  redis = await startRealRedisTier(PURGE_MARK_MS);
});
beforeEach(() => redis.clear());
afterAll(() => redis.stop());

test('on a real Redis, too, every answer keeps every rule', async () => {
  const offsets = fc.oneof(fc.constant(0), fc.integer({ min: -FIVE_MINUTES_MS, max: FIVE_MINUTES_MS }));
  await fc.assert(
    fc.asyncProperty(timelines(offsets), async (timeline) => {
      await redis.clear();
      const time = createVirtualTime(NOW_MS, { idle: redis.idle, moved: redis.age });
      const parts = { time, shared: redis.shared, redisAheadMs: REDIS_AHEAD_MS, judge };
      review(await live(timeline, parts));
    }),
    { numRuns: 60 },
  );
}, 120_000);

/** Answers end halfway between two of the times that pass, far from what a real server's clock adds by itself. */
const TICK_MS = 20_000;
const steps = fc.array(
  fc.oneof(
    fc.record({ act: fc.constant('read' as const) }),
    fc.record({
      act: fc.constant('write' as const),
      ticks: fc.nat({ max: 3 }),
      /** Which of the marks that were read so far it goes by. */
      mark: fc.nat({ max: 3 }),
    }),
    fc.record({ act: fc.constant('purge' as const) }),
    fc.record({ act: fc.constant('pass' as const) }),
  ),
  { minLength: 1, maxLength: 20 },
);
type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never;

/** Takes the steps, and tells what each of them brought. Marks are told by the order in which they were read. */
async function transcript(path: Steps, tier: SharedCache, pass: (ms: number) => Promise<void>) {
  const marks: Array<string | undefined> = [undefined];
  const told: unknown[] = [];
  for (const [at, step] of path.entries()) {
    if (step.act === 'read') {
      const { answer: read, lifeLeftMs, purgeMark } = await tier.read('image', 'p1');
      if (!marks.includes(purgeMark)) marks.push(purgeMark);
      const name = read?.found
        ? bodyOf({ answer: read, source: 'redis', collapsed: false, forwarded: 'stale' })
        : undefined;
      told.push({ at, name, mark: marks.indexOf(purgeMark), ticksLeft: Math.floor(lifeLeftMs / TICK_MS) });
    }
    if (step.act === 'write') {
      const written = answer(
        { name: String(at) },
        { fetchedAtMs: NOW_MS, freshUntilMs: NOW_MS + step.ticks * TICK_MS + TICK_MS / 2 },
      );
      told.push({ at, written: await tier.write('image', 'p1', written, marks[step.mark % marks.length]) });
    }
    if (step.act === 'purge') await tier.purge('image', 'p1');
    if (step.act === 'pass') await pass(TICK_MS);
  }
  return told;
}

test('the model of Redis answers as a real one', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (path) => {
      await redis.clear();
      const clock = createManualClock(NOW_MS);
      const model = createModelRedis({ now: clock.now, purgeMarkMs: PURGE_MARK_MS });
      const modelled = await transcript(path, model, async (ms) => clock.advance(ms));
      expect(await transcript(path, redis.shared, redis.age)).toEqual(modelled);
    }),
    { numRuns: 200 },
  );
}, 120_000);
