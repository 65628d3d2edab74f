import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFresh } from '../../src/lookup/answer.ts';
import type { Found } from '../../src/lookup/found.ts';
import { settle } from '../support/builders.ts';
import { createLookupWorld, type LookupWorld, purgesBefore, replies } from '../support/lookup-world.ts';

type Step =
  | { readonly act: 'find'; readonly replica: number; readonly minValidSeconds: number | undefined }
  | { readonly act: 'purge'; readonly replica: number }
  | { readonly act: 'advance'; readonly ms: number };

const replica = fc.nat({ max: 2 });
const minValidSeconds = fc.option(fc.constantFrom(0, 30, 120), { nil: undefined });
const finds = fc.record({ act: fc.constant('find' as const), replica, minValidSeconds });
const purges = fc.record({ act: fc.constant('purge' as const), replica });
const advances = fc.record({ act: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 70_000 }) });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: finds },
    { weight: 1, arbitrary: purges },
    { weight: 1, arbitrary: advances },
  ),
  { minLength: 1, maxLength: 25 },
);

/** Takes all steps, with all that they set off, in every order that fast-check can think of. */
function interleavings(size: number, check: (found: Found, world: LookupWorld) => void) {
  return fc.asyncProperty(fc.scheduler(), steps, replies, async (scheduler, path, stream) => {
    const world = createLookupWorld(scheduler, stream, size);
    const faults: unknown[] = [];
    const pending: Array<Promise<unknown>> = [];

    function take(step: Step): void {
      if (step.act === 'advance') world.clock.advance(step.ms);
      if (step.act === 'purge') pending.push(world.purge(step.replica));
      if (step.act === 'find') {
        const finding = world.find(step.replica, step.minValidSeconds);
        const checked = Promise.resolve(finding).then(
          (found) => check(found, world),
          (error) => expect(error).toMatchObject({ message: 'failure' }),
        );
        pending.push(checked.catch((fault) => faults.push(fault)));
      }
    }

    scheduler.scheduleSequence(
      path.map((step) => ({
        label: JSON.stringify(step),
        // What was served is checked before time goes on or anything is purged.
        builder: () => settle().then(() => take(step)),
      })),
    );
    await scheduler.waitIdle();
    await Promise.all(pending);
    await settle();
    expect(faults).toEqual([]);
    expect(world.doubles).toBe(0);
    const kept = [...world.memories.map((memory) => memory.read('image', 'p1')?.answer)];
    for (const answer of [...kept, world.shared?.held.get('image/p1')]) {
      if (answer?.found) expect(purgesBefore(answer)).toBe(world.purges);
    }
  });
}

describe('in whatever order finds, purges, time and answers come', () => {
  test('one process asks once at a time, serves only what is fresh, and nothing from before a purge', async () => {
    await fc.assert(
      interleavings(1, ({ source, answer }, { clock, purges: count }) => {
        if (source === 'upstream') return;
        expect(isFresh(answer, clock.now())).toBe(true);
        if (answer.found) expect(purgesBefore(answer)).toBe(count);
      }),
      { numRuns: 300 },
    );
  });

  test('replicas each ask once at a time, serve only what is fresh, and keep nothing from before the last purge', async () => {
    await fc.assert(
      interleavings(3, ({ source, answer }, { clock }) => {
        if (source !== 'upstream') expect(isFresh(answer, clock.now())).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
