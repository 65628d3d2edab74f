import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, type Stack, type StackOptions, startStack } from '../support/stack.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());
beforeEach(() => redis.command('FLUSHALL'));

/** A replica whose Redis is up. */
async function startReplica(options: StackOptions = {}): Promise<Stack> {
  const stack = await startStack({ ...options, env: { REDIS_URL: redis.url, ...options.env } });
  await eventually(async () => (await stack.metric('redis_up')) === 1);
  return stack;
}

const keyOf = (id: string) => `mhbff:v1:{image:${id}}`;
const stored = (id: string) => eventually(async () => (await redis.command('EXISTS', keyOf(id))) === 1);

describe('replicas that share a Redis', () => {
  test('share what one of them fetched, and each keeps its own copy after that', async () => {
    const first = await startReplica();
    const second = await startReplica({ beside: first });
    const fetched = await first.lookup('complete-1');
    await stored('complete-1');
    const shared = await second.lookup('complete-1');
    const own = await second.lookup('complete-1');
    expect(shared.headers.get('cache-status')).toMatch(/; hit; ttl=\d+; detail=redis$/);
    expect(own.headers.get('cache-status')).toMatch(/; hit; ttl=\d+; detail=memory$/);
    expect(shared.body.equals(fetched.body)).toBe(true);
    expect(shared.headers.get('etag')).toBe(fetched.headers.get('etag'));
    expect(first.emulator.count()).toBe(1);
    expect(await second.metric('lookups_total{kind="image",result="redis_hit"}')).toBe(1);
  });

  test('share an unfinished project and an unknown one, too', async () => {
    const first = await startReplica({
      env: { CACHE_PENDING_TTL_MS: '60000', CACHE_NOT_FOUND_TTL_SECONDS: '60' },
    });
    const second = await startReplica({ beside: first });
    first.emulator.project('queued-1', { status: 'queued' });
    await Promise.all([first.lookup('queued-1'), first.lookup('missing-1')]);
    await Promise.all([stored('queued-1'), stored('missing-1')]);
    expect((await second.lookup('queued-1')).headers.get('cache-status')).toContain('detail=redis');
    expect((await second.lookup('missing-1')).status).toBe(404);
    expect(first.emulator.count()).toBe(2);
  });

  test('enforce one limit together', async () => {
    const env = { RATE_LIMIT_MAX: '5' };
    const first = await startReplica({ env });
    const second = await startReplica({ beside: first, env });
    const statuses: number[] = [];
    for (let n = 0; n < 8; n += 1)
      statuses.push((await (n % 2 ? first : second).lookup('complete-1')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
  });

  test('all forget a project that is purged at one of them', async () => {
    const first = await startReplica();
    const second = await startReplica({ beside: first });
    for (const replica of [first, second]) {
      await replica.lookup('complete-1');
      await stored('complete-1');
    }
    const purged = await first.ops.request('/cache/image-projects/complete-1', { method: 'DELETE' });
    expect(purged.status).toBe(204);
    await eventually(async () => (await second.metric('cache_memory_entries')) === 0);
    expect((await second.lookup('complete-1')).headers.get('cache-status')).toContain('fwd=uri-miss');
    expect(first.emulator.count()).toBe(2);
  });

  test('keep no answer of a lookup that a purge overtook', async () => {
    const first = await startReplica();
    const second = await startReplica({ beside: first });
    first.emulator.holdAll();
    const overtaken = second.lookup('complete-1');
    await first.emulator.whenRequested('complete-1');
    await first.ops.request('/cache/image-projects/complete-1', { method: 'DELETE' });
    first.emulator.release();
    expect((await overtaken).status).toBe(200);
    await second.metric('cache_memory_entries');
    expect(await redis.command('EXISTS', keyOf('complete-1'))).toBe(0);
    expect(await redis.command('EXISTS', `${keyOf('complete-1')}:purged`)).toBe(1);
    expect((await first.lookup('complete-1')).headers.get('cache-status')).toContain('fwd=uri-miss');
    expect(first.emulator.count()).toBe(2);
  });
});

describe('what stands in Redis', () => {
  test('goes by absolute expiry, which a read does not move', async () => {
    const stack = await startReplica({ env: { CACHE_MEMORY_TTL_SECONDS: '0' } });
    await stack.lookup('complete-1');
    await stored('complete-1');
    const before = await redis.command('PEXPIRETIME', keyOf('complete-1'));
    expect((await stack.lookup('complete-1')).headers.get('cache-status')).toContain('detail=redis');
    expect(await redis.command('PEXPIRETIME', keyOf('complete-1'))).toBe(before);
    const day = Date.now() + 86_400_000 - 30_000;
    expect(Math.abs(Number(before) - day)).toBeLessThan(10_000);
  });

  test('carries the prefix, a version and the kind', async () => {
    const stack = await startReplica({ env: { REDIS_KEY_PREFIX: 'team-a:' } });
    await stack.lookup('complete-1');
    await eventually(async () => (await redis.keys('team-a:v1:{image:complete-1}')).length === 1);
    expect((await redis.keys('*')).every((key) => key.startsWith('team-a:v1:'))).toBe(true);
  });

  test('is not trusted past its time, whatever Redis’ own clock makes of it', async () => {
    const clock = { offsetMs: 0, now: () => Date.now() + clock.offsetMs };
    const stack = await startReplica({ clock, env: { CACHE_MEMORY_MAX_BYTES: '0' } });
    const token = await stack.issuer.token({ exp: Math.floor(Date.now() / 1000) + 3 * 86_400 });
    const cacheStatus = async () => {
      const headers = { authorization: `Bearer ${token}` };
      return (await stack.client.request('/v1/image-projects/complete-1', { headers })).headers.get(
        'cache-status',
      );
    };
    await cacheStatus();
    await stored('complete-1');
    await redis.command('PERSIST', keyOf('complete-1'));
    expect(await cacheStatus()).toContain('; hit;');
    clock.offsetMs = 86_400_000 - 30_000;
    expect(await cacheStatus()).toContain('fwd=uri-miss');
  });
});

describe('a Redis Cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster({ masters: 3 });
  });
  afterAll(() => cluster.stop());

  test('holds projects and limits across its masters', async () => {
    const env = {
      REDIS_CLUSTER_NODES: cluster.nodes.map(({ host, port }) => `${host}:${port}`).join(','),
      RATE_LIMIT_MAX: '12',
    };
    const first = await startStack({ env });
    const second = await startStack({ beside: first, env });
    for (const replica of [first, second])
      await eventually(async () => (await replica.metric('redis_up')) === 1);
    const ids = Array.from({ length: 12 }, (_, n) => `complete-${n}`);
    for (const id of ids) await first.lookup(id);
    for (const id of ids) {
      const response = await second.lookup(id, { user: 'bob' });
      expect(response.headers.get('cache-status')).toContain('detail=redis');
    }
    expect((await second.lookup('complete-1')).status).toBe(429);
    const purged = await first.ops.request('/cache/image-projects/complete-3', { method: 'DELETE' });
    expect(purged.status).toBe(204);
    expect(await first.metric('redis_errors_total{operation="rate_limit"}')).toBe(0);
  });
});
