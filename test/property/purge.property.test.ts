import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Answer, isFresh } from '../../src/lookup/answer.ts';
import { download, isoTime, NOW_MS, POLICY, projectBody, settle } from '../support/builders.ts';
import { askOf, createLookupWorld } from '../support/lookup-world.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createModelRedis } from '../support/model-redis.ts';
import { isFromAfterPurges } from '../support/timeline-rules.ts';

const replica = fc.nat({ max: 2 });
const minValidSeconds = fc.option(fc.constantFrom(0, 30, 120), { nil: undefined });
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ act: fc.constant('find' as const), replica, minValidSeconds }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('purge' as const), replica }) },
    {
      weight: 1,
      arbitrary: fc.record({ act: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 70_000 }) }),
    },
  ),
  { minLength: 1, maxLength: 25 },
);
type Step = typeof steps extends fc.Arbitrary<Array<infer T>> ? T : never;

/** What the upstream says to each request in turn. */
const statements = fc.infiniteStream(
  fc.record({
    status: fc.constantFrom('complete', 'complete', 'queued', 'error', 'deleted', 'unknown id', 'failure'),
    lifeSeconds: fc.integer({ min: 0, max: 200 }),
  }),
);
type Statements = typeof statements extends fc.Arbitrary<infer T> ? T : never;

/** Replicas all of whose waiting ends in an order that the scheduler chooses. */
function createScheduledWorld(scheduler: fc.Scheduler, stream: Statements, size: number) {
  const clock = createManualClock(NOW_MS);
  const travel = (what: string) => scheduler.schedule(Promise.resolve(), what).then(() => undefined);
  const flights = { wait: () => travel('nothing is heard') };
  const shared =
    size === 1
      ? undefined
      : createModelRedis({ now: clock.now, purgeMarkMs: Number.POSITIVE_INFINITY, flights });
  const world = createLookupWorld({
    now: clock.now,
    offsetsMs: Array<number>(size).fill(0),
    shared,
    travel,
    async upstream(_id, name) {
      const { status, lifeSeconds } = stream.next().value;
      await travel('upstream');
      if (status === 'failure') throw new Error('failure');
      const endMs = status === 'complete' ? clock.now() + lifeSeconds * 1000 : undefined;
      const enabled = status !== 'deleted';
      const downloads = endMs === undefined ? [] : [download(isoTime(endMs))];
      const fields = { name, status: enabled ? status : 'complete', enabled, downloads };
      const body = status === 'unknown id' ? undefined : projectBody(fields);
      return { body, status, enabled, endMs, endsKnown: true, dateMs: undefined };
    },
    policy: POLICY,
    trustMs: 30_000,
  });
  return { clock, shared, world };
}

function interleavings(size: number) {
  return fc.asyncProperty(fc.scheduler(), steps, statements, async (scheduler, path, stream) => {
    const { clock, shared, world } = createScheduledWorld(scheduler, stream, size);
    const faults: unknown[] = [];
    const pending: Array<Promise<unknown>> = [];

    async function find(at: number, seconds: number | undefined): Promise<void> {
      const asked = world.moment();
      const found = await world.find(at, 'p1', seconds).catch((error: unknown) => {
        expect(error).toMatchObject({ message: 'failure' });
      });
      if (!found) return;
      if (found.source !== 'upstream') expect(isFresh(found.answer, clock.now())).toBe(true);
      const ask = world.asks[askOf(found.answer) ?? -1];
      if (ask !== undefined)
        expect(isFromAfterPurges(ask, { id: 'p1', replica: at, asked }, world)).toBe(true);
    }

    function take(step: Step): void {
      if (step.act === 'pass') clock.advance(step.ms);
      if (step.act === 'purge') pending.push(world.purge(step.replica % size, 'p1'));
      if (step.act === 'find') {
        const finding = find(step.replica % size, step.minValidSeconds);
        pending.push(finding.catch((fault: unknown) => faults.push(fault)));
      }
    }

    // What was served is judged before time goes on or anything is purged.
    const builders = path.map((step) => ({
      label: JSON.stringify(step),
      builder: () => settle().then(() => take(step)),
    }));
    scheduler.scheduleSequence(builders);
    await scheduler.waitIdle();
    await Promise.all(pending);
    await settle();
    expect(faults).toEqual([]);
    const held: Array<Answer | undefined> = world.memories.map(
      (memory) => memory.read('image', 'p1')?.answer,
    );
    held.push((await shared?.read('image', 'p1'))?.answer);
    const lastPurge = world.purges.at(-1)?.began.order ?? 0;
    for (const answer of held) {
      const ask = answer && world.asks[askOf(answer) ?? -1];
      if (ask !== undefined) expect(ask.sent.order).toBeGreaterThan(lastPurge);
    }
  });
}

describe('a purge wins over every flight that began before it, in whatever order everything comes', () => {
  test.each([
    ['in one process', 1],
    ['across two replicas', 2],
    ['across three replicas', 3],
  ])(
    '%s',
    async (_where, size) => {
      await fc.assert(interleavings(size), { numRuns: 500 });
    },
    60_000,
  );
});
