import fc from 'fast-check';
import { describe, test } from 'vitest';
import { NOW_MS } from '../support/builders.ts';
import { createVirtualTime } from '../support/manual-clock.ts';
import { createModelRedis } from '../support/model-redis.ts';
import { LISTEN_MS, live, PURGE_MARK_MS, type Timeline, timelines } from '../support/timeline.ts';
import { judge } from '../support/timeline-referee.ts';
import { review } from '../support/timeline-review.ts';

const MINUTE_MS = 60_000;
/** No flight of these takes as long, so that none need renew it. */
const LOCK_MS = 5000;
const MAX_WAITS = 20;

async function liveOnModelRedis(timeline: Timeline): Promise<void> {
  const time = createVirtualTime(NOW_MS);
  const flights = { wait: time.wait, lockMs: LOCK_MS, listenMs: LISTEN_MS, maxWaits: MAX_WAITS };
  const shared = createModelRedis({ now: time.now, purgeMarkMs: PURGE_MARK_MS, flights });
  review(await live(timeline, { time, shared, judge }));
}

// The rules are the table in test/support/timeline-rules.ts, and what timeline-review.ts adds about requests.
describe('three replicas, two changing projects: on any timeline every answer keeps every rule', () => {
  test.each([
    ['agree', fc.constant(0)],
    ['are off by up to five minutes', fc.integer({ min: -5 * MINUTE_MS, max: 5 * MINUTE_MS })],
    ['are off by five minutes', fc.constantFrom(-5 * MINUTE_MS, 0, 5 * MINUTE_MS)],
  ])(
    'where the clocks of the replicas, the upstream and Redis %s',
    async (_how, offsets) => {
      await fc.assert(fc.asyncProperty(timelines(offsets), liveOnModelRedis), { numRuns: 1200 });
    },
    60_000,
  );
});
