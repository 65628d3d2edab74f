import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLocalDeliveries } from '../../src/cache/local-deliveries.ts';
import { createMemoryCache } from '../../src/cache/memory-cache.ts';
import { replayMemoryMs } from '../../src/lookup/deliveries.ts';
import { createLookup } from '../../src/lookup/lookup.ts';
import { madeAnswer } from '../../src/lookup/made-answer.ts';
import type { UpstreamAnswer } from '../../src/lookup/ports.ts';
import { NOW_MS, POLICY, projectBody, settle } from '../support/builders.ts';
import { recordEvents } from '../support/lookup-parts.ts';
import { createManualClock } from '../support/manual-clock.ts';

const status = fc.constantFrom('queued', 'rendering', 'complete', 'error');
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ act: fc.constant('find' as const), status }) },
    {
      weight: 3,
      arbitrary: fc.record({ act: fc.constant('deliver' as const), status, again: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('purge' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ act: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 2000 }) }),
    },
  ),
  { maxLength: 25 },
);

/** What memory holds, by the order in which all of it began. */
const heldBy = (body: string) => ({
  name: Number(/"name":"(\d+)"/.exec(body)?.[1]),
  terminal: /"status":"(complete|error)"/.test(body),
  delivered: body.includes('"type":"delivered"'),
});

test('in whatever order lookups, deliveries and purges begin and end, none brings back what another overtook', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), steps, async (scheduler, path) => {
      const clock = createManualClock(NOW_MS);
      const memory = createMemoryCache({ maxBytes: 100_000, trustMs: Number.POSITIVE_INFINITY, clock });
      const local = createLocalDeliveries({ replayMemoryMs: replayMemoryMs(300) });
      const waits = (what: string) => scheduler.schedule(Promise.resolve(), what);
      let began = 0;
      let statusNow = 'queued';
      /** From here on: the last delivery that was stored, or purge, by its place in the order. */
      let overtaken = 0;
      let [over, purged] = [false, false];
      const faults: unknown[] = [];
      const lookup = createLookup({
        memory,
        shared: undefined,
        upstream: {
          async fetchProject(): Promise<UpstreamAnswer> {
            began += 1;
            const body = projectBody({ name: String(began), status: statusNow, downloads: [] });
            await waits('upstream');
            return { body, dateMs: undefined, hangUp: () => undefined };
          },
        },
        clock,
        policy: POLICY,
        events: recordEvents(),
        deliveries: {
          async deliver(delivered) {
            await waits('command');
            const result = await local.deliver(delivered);
            if (result === 'stored') {
              if (over || purged) faults.push('stored what was over or purged');
              over ||= delivered.answer.terminal;
            }
            await waits('reply');
            return result;
          },
        },
        answered(_kind, _id, answer) {
          local.lookedUp('image', 'p1', answer);
          over ||= answer.found && answer.terminal;
        },
      });

      async function deliver(brought: string, deliveryId: string): Promise<void> {
        began += 1;
        const at = began;
        const body = projectBody({ name: String(at), status: brought, type: 'delivered', downloads: [] });
        const made = madeAnswer('image', { body, dateMs: undefined }, clock.now(), POLICY, false);
        if (made === undefined) throw new Error('no project');
        const { result } = await lookup.deliver({ kind: 'image', id: 'p1', answer: made.answer, deliveryId });
        if (result === 'stored') overtaken = Math.max(overtaken, at);
      }

      /** Once something terminal was in memory, nothing delivered that is not takes its place. */
      let lastHeld: ReturnType<typeof heldBy> | undefined;
      function look(): void {
        const answer = memory.read('image', 'p1')?.answer;
        const held = answer?.found ? heldBy(answer.body) : undefined;
        if (lastHeld?.terminal && held?.delivered && held.name !== lastHeld.name)
          faults.push([lastHeld, held]);
        if (purged && held?.delivered) faults.push('revived');
        lastHeld = held ?? lastHeld;
      }

      const pending: Array<Promise<unknown>> = [];
      let deliveries = 0;
      const builders = path.map((step) => ({
        label: JSON.stringify(step),
        async builder() {
          await settle();
          look();
          if (step.act === 'pass') clock.advance(step.ms);
          if (step.act === 'purge') {
            began += 1;
            overtaken = began;
            purged = true;
            lookup.forget('image', 'p1');
            local.purged('image', 'p1');
          }
          if (step.act === 'find') {
            statusNow = step.status;
            const request = {
              kind: 'image' as const,
              id: 'p1',
              minValidSeconds: undefined,
              traceparent: undefined,
            };
            pending.push(Promise.resolve(lookup.find(request)));
          }
          if (step.act === 'deliver') {
            if (!step.again) deliveries += 1;
            pending.push(deliver(step.status, String(deliveries)));
          }
          await settle();
          look();
        },
      }));
      scheduler.scheduleSequence(builders);
      await scheduler.waitIdle();
      await Promise.all(pending);
      look();
      expect(faults).toEqual([]);
      const answer = memory.read('image', 'p1')?.answer;
      // A flight that began before the last purge left nothing.
      if (answer?.found && purged) expect(heldBy(answer.body).delivered).toBe(false);
    }),
    { numRuns: 300 },
  );
}, 60_000);
