import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRedisCache } from '../../src/cache/redis-cache.ts';
import { createSharedCounter } from '../../src/limits/counter.ts';
import { answer, POLICY } from '../support/builders.ts';
import { openGuard } from '../support/open-guard.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';

let server: RedisServer;
let client: Redis;

beforeAll(async () => {
  server = await startRedisServer();
  client = new Redis(server.url);
  await once(client, 'ready');
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

describe('the cache in Redis', () => {
  test('holds a write from before a purge against it, also after a write from after it', async () => {
    const cache = createRedisCache({
      client,
      guard: openGuard,
      keyPrefix: 't:',
      policy: POLICY,
      purgeMarkMs: 60_000,
      announcePurge: async () => undefined,
    });
    const fresh = { fetchedAtMs: Date.now(), freshUntilMs: Date.now() + 60_000 };
    const [before, after] = [
      { ...answer({ name: 'before' }), ...fresh },
      { ...answer({ name: 'after' }), ...fresh },
    ];
    const early = await cache.read('image', 'p1');
    await cache.purge('image', 'p1');
    const late = await cache.read('image', 'p1');
    expect(await cache.write('image', 'p1', after, late.purgeMark)).toBe(true);
    expect(await cache.write('image', 'p1', before, early.purgeMark)).toBe(false);
    expect((await cache.read('image', 'p1')).answer).toMatchObject({ body: after.body });
  });
});

describe('counting in Redis', () => {
  test('gives every hit of every replica a number of its own, whatever goes together', async () => {
    const other = new Redis(server.url);
    await once(other, 'ready');
    const counters = [
      createSharedCounter(client, openGuard, 60_000),
      createSharedCounter(other, openGuard, 60_000),
    ];
    const hits = Array.from({ length: 500 }, (_, n) => n);
    const counts = await Promise.all(hits.map((n) => counters[n % 2]?.('t:limit', 1, 60_000)));
    const totals = counts.map((count) => count?.totalHits ?? 0).sort((a, b) => a - b);
    expect(totals).toEqual(hits.map((n) => n + 1));
    expect(await server.commandCount('evalsha')).toBeLessThan(250);
    other.disconnect();
  });
});
