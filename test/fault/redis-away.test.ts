import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, type Stack, type StackOptions, startStack } from '../support/stack.ts';

let redis: RedisServer;
beforeEach(async () => {
  redis = await startRedisServer();
});
afterEach(() => redis.stop());

async function startWithRedis(
  env: Readonly<Record<string, string>> = {},
  options: StackOptions = {},
): Promise<Stack> {
  const stack = await startStack({ ...options, env: { REDIS_URL: redis.url, ...env } });
  await eventually(async () => (await stack.metric('redis_up')) === 1);
  return stack;
}

const AWAY = [
  ['paused', { away: () => redis.pause(), back: () => redis.resume() }],
  ['killed', { away: () => redis.kill(), back: () => redis.restart() }],
] as const;

describe.each(AWAY)('with Redis %s', (_how, { away, back }) => {
  test('lookups go on, it is told, and it is found again when it is back', async () => {
    const stack = await startWithRedis();
    await stack.lookup('complete-1');
    await away();
    for (const id of ['complete-1', 'complete-2', 'complete-2']) {
      expect((await stack.lookup(id, { user: 'bob' })).status).toBe(200);
    }
    expect(await stack.metric('redis_up')).toBe(0);
    const ready = await stack.ops.request('/readyz');
    expect(ready.status).toBe(200);
    expect(ready.body.toString()).toContain('"name":"redis","status":"degraded"');
    const purge = await stack.ops.request('/cache/image-projects/complete-1', { method: 'DELETE' });
    expect(purge.status).toBe(503);
    await back();
    await eventually(async () => (await stack.metric('redis_up')) === 1);
    expect((await stack.lookup('complete-3')).status).toBe(200);
  });

  test('each replica enforces its share of the limits', async () => {
    const stack = await startWithRedis({ RATE_LIMIT_MAX: '10', RATE_LIMIT_EXPECTED_REPLICAS: '2' });
    await away();
    const statuses: number[] = [];
    for (let n = 0; n < 8; n += 1) statuses.push((await stack.lookup('complete-1')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
  });
});

describe('with Redis away from the start', () => {
  test('the service starts, serves, and takes Redis into use when it comes', async () => {
    await redis.kill();
    const stack = await startStack({ env: { REDIS_URL: redis.url, RATE_LIMIT_MAX: '10' } });
    expect((await stack.lookup('complete-1')).status).toBe(200);
    await redis.restart();
    await eventually(async () => (await stack.metric('redis_up')) === 1);
    expect((await stack.lookup('complete-2')).status).toBe(200);
    await eventually(async () => (await redis.keys('mhbff:v1:{image:complete-2}')).length === 1);
    expect((await redis.keys('mhbff:v1:limit:user:*')).length).toBe(1);
  });
});

describe('a copy that is past its trust', () => {
  test('is served while it is fresh where Redis and Magic Hour are both away', async () => {
    const stack = await startWithRedis({ CACHE_MEMORY_TTL_SECONDS: '0', UPSTREAM_RETRIES: '0' });
    await stack.lookup('complete-1');
    await redis.kill();
    stack.emulator.respondNext('complete-1', { status: 500, body: '{}' });
    const response = await stack.lookup('complete-1');
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-status')).toContain('; hit;');
  });
});
