import { once } from 'node:events';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLocalDeliveries } from '../../src/cache/local-deliveries.ts';
import { createNewsChannel } from '../../src/cache/news-channel.ts';
import { createRedisCache } from '../../src/cache/redis-cache.ts';
import { createRedisDeliveries } from '../../src/cache/redis-deliveries.ts';
import type { FoundAnswer } from '../../src/lookup/answer.ts';
import { type Deliveries, REMEMBER_MS, replayMemoryMs } from '../../src/lookup/deliveries.ts';
import { answer, POLICY } from '../support/builders.ts';
import { openGuard } from '../support/open-guard.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';

/** Deliveries with the tier that they fill, as one sees them from outside. */
interface Tier {
  readonly deliveries: Deliveries;
  /** A lookup that began at some time, and stores its answer when that is called. */
  beginLookup(id: string): Promise<(brought: FoundAnswer) => Promise<boolean>>;
  purge(id: string): Promise<void>;
  /** What is held, as far as the tier holds anything itself. */
  held(id: string): Promise<string | undefined>;
}

const memory = { replayMemoryMs: replayMemoryMs(300) };
const fresh = (fields: Readonly<Record<string, unknown>>) =>
  answer(fields, { fetchedAtMs: Date.now(), freshUntilMs: Date.now() + 60_000 });

let server: RedisServer;
let client: Redis;
let subscriber: Redis;
const heard: unknown[] = [];
beforeAll(async () => {
  server = await startRedisServer();
  client = new Redis(server.url);
  subscriber = new Redis(server.url, { autoResubscribe: false });
  createNewsChannel('t:').listen(subscriber, (...news) => heard.push(news));
  await Promise.all([once(client, 'ready'), once(subscriber, 'ready')]);
});
afterAll(async () => {
  client.disconnect();
  subscriber.disconnect();
  await server.stop();
});

function redisTier(): Tier {
  const tier = { client, guard: openGuard, keyPrefix: 't:' };
  const news = createNewsChannel('t:');
  const cache = createRedisCache({
    ...tier,
    policy: POLICY,
    purgeMarkMs: REMEMBER_MS,
    rememberOverMs: REMEMBER_MS,
    announcePurge: async () => undefined,
  });
  return {
    deliveries: createRedisDeliveries({ ...tier, ...memory, news, flightChannel: '' }),
    async beginLookup(id) {
      const { purgeMark } = await cache.read('image', id);
      return (brought) => cache.write('image', id, brought, purgeMark);
    },
    purge: (id) => cache.purge('image', id),
    async held(id) {
      const found = (await cache.read('image', id)).answer;
      return found?.found ? found.body : undefined;
    },
  };
}

/** What it stores itself is its process's memory, by the lookup; of that only what it decides is seen here. */
function localTier(): Tier {
  const deliveries = createLocalDeliveries(memory);
  const bodies = new Map<string, string>();
  const marks = new Map<string, number>();
  const [over, purged] = [new Set<string>(), new Set<string>()];
  const overtake = (id: string) => marks.set(id, (marks.get(id) ?? 0) + 1);
  return {
    deliveries: {
      ...deliveries,
      async deliver(delivered) {
        const result = await deliveries.deliver(delivered);
        if (result === 'stored') {
          overtake(delivered.id);
          bodies.set(delivered.id, delivered.answer.body);
          if (delivered.answer.terminal) over.add(delivered.id);
        }
        return result;
      },
    },
    async beginLookup(id) {
      const mark = marks.get(id);
      return async (brought) => {
        const wins = brought.terminal && !purged.has(id) && !over.has(id);
        if (marks.get(id) !== mark && !wins) return false;
        if (brought.terminal) over.add(id);
        bodies.set(id, brought.body);
        deliveries.lookedUp('image', id, brought);
        return true;
      };
    },
    async purge(id) {
      overtake(id);
      bodies.delete(id);
      purged.add(id);
      deliveries.purged('image', id);
    },
    held: async (id) => bodies.get(id),
  };
}

const countUp = (prefix: string) => {
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}${count}`;
  };
};
const newId = countUp('p');
const newDeliveryId = countUp('d');

describe.each([
  ['in Redis', redisTier],
  ['in this process', localTier],
])('deliveries %s', (_where, createTier) => {
  function setUp() {
    const tier = createTier();
    const id = newId();
    const bring = (status: string, name = status) => fresh({ id, status, name });
    const deliver = (brought: FoundAnswer, deliveryId = newDeliveryId()) =>
      tier.deliveries.deliver({ kind: 'image', id, answer: brought, deliveryId });
    return { ...tier, id, bring, deliver, held: () => tier.held(id) };
  }

  test('are stored in turn until the project is over', async () => {
    const { bring, deliver, held } = setUp();
    for (const brought of [bring('queued'), bring('rendering'), bring('complete')]) {
      expect(await deliver(brought)).toBe('stored');
      expect(await held()).toBe(brought.body);
    }
    expect(await deliver(bring('rendering'))).toBe('outdated');
    expect(await deliver(bring('error'))).toBe('outdated');
    expect(await held()).toContain('"status":"complete"');
  });

  test('are recognised when they come again, whatever became of them', async () => {
    const { bring, deliver, id, purge } = setUp();
    expect(await deliver(bring('complete'), `one-${id}`)).toBe('stored');
    expect(await deliver(bring('rendering'), `two-${id}`)).toBe('outdated');
    await purge(id);
    expect(await deliver(bring('rendering'), `three-${id}`)).toBe('purged');
    for (const one of ['one', 'two', 'three'])
      expect(await deliver(bring('rendering'), `${one}-${id}`)).toBe('replayed');
  });

  test('of one project say nothing of another, nor of another kind', async () => {
    const { bring, deliver, deliveries, id } = setUp();
    await deliver(bring('complete'));
    const delivered = { answer: bring('rendering'), deliveryId: 'x' };
    expect(await deliveries.deliver({ ...delivered, kind: 'video', id })).toBe('stored');
    expect(await deliveries.deliver({ ...delivered, kind: 'image', id: `${id}x` })).toBe('stored');
  });

  test('keep out what a lookup brings that began before, and let in one that began after', async () => {
    const { bring, deliver, beginLookup, id, held } = setUp();
    const early = await beginLookup(id);
    await deliver(bring('rendering'));
    const late = await beginLookup(id);
    expect(await early(bring('queued'))).toBe(false);
    expect(await late(bring('complete'))).toBe(true);
    expect(await held()).toContain('"status":"complete"');
    expect(await deliver(bring('rendering', 'late'))).toBe('outdated');
  });

  test('in whatever order they, lookups and purges come, take nothing back and revive nothing', async () => {
    const status = fc.constantFrom('queued', 'rendering', 'complete', 'error');
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ act: fc.constant('deliver' as const), status, again: fc.boolean() }),
      },
      { weight: 2, arbitrary: fc.record({ act: fc.constant('begin' as const) }) },
      {
        weight: 3,
        arbitrary: fc.record({ act: fc.constant('end' as const), status, which: fc.nat({ max: 3 }) }),
      },
      { weight: 1, arbitrary: fc.record({ act: fc.constant('purge' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const { bring, deliver, beginLookup, purge, id, held } = setUp();
        const lookups: Array<{ store(brought: FoundAnswer): Promise<boolean>; overtaken: boolean }> = [];
        let [over, purged, lastDelivery] = [false, false, ''];
        const overtake = () => {
          for (const lookup of lookups) lookup.overtaken = true;
        };
        for (const [at, each] of steps.entries()) {
          const before = await held();
          if (each.act === 'begin') lookups.push({ store: await beginLookup(id), overtaken: false });
          if (each.act === 'purge') {
            await purge(id);
            purged = true;
            overtake();
            expect(await held()).toBeUndefined();
          }
          if (each.act === 'end') {
            const lookup = lookups[each.which];
            if (lookup === undefined) continue;
            const brought = bring(each.status, `lookup ${at}`);
            const kept = !lookup.overtaken || (brought.terminal && !over && !purged);
            expect(await lookup.store(brought)).toBe(kept);
            expect(await held()).toBe(kept ? brought.body : before);
            if (kept) over ||= brought.terminal;
          }
          if (each.act === 'deliver') {
            const repeats = each.again && lastDelivery !== '';
            if (!repeats) lastDelivery = newDeliveryId();
            const brought = bring(each.status, `delivery ${at}`);
            const result = await deliver(brought, lastDelivery);
            expect(result).toBe(repeats ? 'replayed' : purged ? 'purged' : over ? 'outdated' : 'stored');
            expect(await held()).toBe(result === 'stored' ? brought.body : before);
            if (result !== 'stored') continue;
            over ||= brought.terminal;
            overtake();
          }
        }
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});

describe('deliveries in Redis', () => {
  test('are announced to all replicas when they are kept, and what is not kept is not', async () => {
    const { deliveries } = redisTier();
    await subscriber.ping();
    heard.length = 0;
    const id = newId();
    const complete = fresh({ id, status: 'complete' });
    await deliveries.deliver({ kind: 'video', id, answer: complete, deliveryId: 'a' });
    await deliveries.deliver({ kind: 'video', id, answer: complete, deliveryId: 'a' });
    await deliveries.deliver({ kind: 'video', id, answer: complete, deliveryId: 'b' });
    await subscriber.ping();
    expect(heard).toEqual([['video', id, complete.etag, true]]);
  });

  test('leave nothing behind that has no end', async () => {
    for (const key of await server.keys()) expect(await server.command('PTTL', key)).toBeGreaterThan(0);
  });

  test('remember that a project was deleted, though that is not stored', async () => {
    const { deliveries } = redisTier();
    const id = newId();
    const now = Date.now();
    const deleted = answer({ id, enabled: false }, { fetchedAtMs: now, freshUntilMs: now });
    deliveries.lookedUp('image', id, deleted);
    const late = { kind: 'image' as const, id, answer: fresh({ id }), deliveryId: 'late' };
    expect(await deliveries.deliver(late)).toBe('outdated');
  });
});
