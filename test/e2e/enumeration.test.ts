import { describe, expect, test } from 'vitest';
import { startRedisServer } from '../support/redis-server.ts';
import { registryClient } from '../support/registry-client.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

const LIMIT = { RATE_LIMIT_NOT_FOUND_MAX: '3', RATE_LIMIT_NOT_FOUND_WINDOW_SECONDS: '600' };

async function statuses(stack: Stack, ids: readonly string[], user = 'alice'): Promise<number[]> {
  const all: number[] = [];
  for (const id of ids) all.push((await stack.lookup(id, { user })).status);
  return all;
}

describe('a user who asks for one project after another in vain', () => {
  test('is refused for a while, whatever they ask for, and nobody else is', async () => {
    const stack = await startStack({ env: LIMIT });
    expect(await statuses(stack, ['complete-1', 'no-1', 'no-2', 'no-3', 'complete-1'])).toEqual([
      200, 404, 404, 404, 200,
    ]);
    const refused = await stack.lookup('no-4');
    expect([refused.status, refused.json()]).toEqual([
      429,
      expect.objectContaining({ code: 'rate_limited' }),
    ]);
    expect(refused.headers.get('ratelimit')).toMatch(/"user"; r=\d+; t=\d+, "not_found"; r=0; t=\d+$/);
    expect(refused.headers.get('ratelimit-policy')).toMatch(/"not_found"; q=3; w=600; pk=:[\w+/=]+:$/);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(590);
    // A 429 for what is not there and a 200 for what is would tell as much as a 404.
    expect(await statuses(stack, ['complete-1', 'no-1', 'no-5'])).toEqual([429, 429, 429]);
    const authorization = `Bearer ${await stack.issuer.token({ sub: 'alice' })}`;
    for (const path of ['/v1/image-projects/complete-1/events', '/v1/video-projects/complete-1'])
      expect((await stack.client.request(path, { headers: { authorization } })).status).toBe(429);
    expect(await statuses(stack, ['complete-1', 'no-1'], 'bob')).toEqual([200, 404]);
    expect(await stack.metric('rate_limit_rejections_total{policy="not_found"}')).toBe(6);
    // Three of alice's, one of bob's.
    expect(await stack.metric('distinct_not_found_total')).toBe(4);
    expect(stack.logs().filter((line) => line.includes('enumeration_suspected'))).toHaveLength(1);
  });

  test('may ask for the same ones as often as they like', async () => {
    const stack = await startStack({ env: LIMIT });
    const ids = Array.from({ length: 30 }, (_, n) => `no-${n % 3}`);
    expect(new Set(await statuses(stack, ids))).toEqual(new Set([404]));
    expect(await stack.metric('distinct_not_found_total')).toBe(3);
  });

  test('is refused at every replica once it is told so there, with no more told in all than the limit', async () => {
    const redis = await startRedisServer();
    try {
      const env = { ...LIMIT, REDIS_URL: redis.url };
      const a = await startStack({ env });
      const b = await startStack({ env, beside: a });
      for (const stack of [a, b]) await eventually(async () => (await stack.metric('redis_up')) === 1);
      const told = await Promise.all(
        Array.from({ length: 40 }, async (_, n) => (await (n % 2 ? a : b).lookup(`no-${n}`)).status),
      );
      expect(told.filter((status) => status === 404)).toHaveLength(3);
      expect(told.filter((status) => status === 429)).toHaveLength(37);
      expect(await statuses(a, ['complete-1'])).toEqual([429]);
      expect(await statuses(b, ['complete-1'])).toEqual([429]);
      const [key] = await redis.keys('*:not-found:*');
      expect(await redis.command('SCARD', key ?? '')).toBe(4);
      expect(Number(await redis.command('PTTL', key ?? ''))).toBeGreaterThan(590_000);
    } finally {
      await redis.stop();
    }
  });

  test('is limited while Redis is away, too, to a replica’s share', async () => {
    const redis = await startRedisServer();
    try {
      const env = {
        ...LIMIT,
        REDIS_URL: redis.url,
        RATE_LIMIT_EXPECTED_REPLICAS: '2',
        RATE_LIMIT_NOT_FOUND_MAX: '4',
      };
      const stack = await startStack({ env });
      await eventually(async () => (await stack.metric('redis_up')) === 1);
      await redis.kill();
      expect(await statuses(stack, ['no-1', 'no-2', 'no-3'])).toEqual([404, 404, 429]);
    } finally {
      await redis.stop();
    }
  });

  test('may not look for others’ projects, which count as those that are not there', async () => {
    const stack = await startStack({ env: { ...LIMIT, ACCESS_POLICY: 'owner' } });
    const registry = await registryClient(stack);
    for (const id of ['complete-1', 'complete-2', 'complete-3', 'complete-4'])
      await registry.put({ id }, { owner: 'bob' });
    expect(await statuses(stack, ['complete-1', 'no-1', 'complete-2', 'complete-3', 'no-2'])).toEqual([
      404, 404, 404, 429, 429,
    ]);
  });

  test('is not limited where the limit is 0', async () => {
    const stack = await startStack({ env: { RATE_LIMIT_NOT_FOUND_MAX: '0' } });
    const ids = Array.from({ length: 50 }, (_, n) => `no-${n}`);
    expect(new Set(await statuses(stack, ids))).toEqual(new Set([404]));
    expect(await stack.metric('distinct_not_found_total')).toBe(0);
  });
});
