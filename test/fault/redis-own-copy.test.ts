import { expect, onTestFinished, test } from 'vitest';
import { startRedisServer } from '../support/redis-server.ts';
import { eventually, startStack } from '../support/stack.ts';

test('a copy that is past its trust is served while it is fresh where Redis and Magic Hour are both away', async () => {
  const redis = await startRedisServer();
  onTestFinished(redis.stop);
  const env = { REDIS_URL: redis.url, CACHE_MEMORY_TTL_SECONDS: '0', UPSTREAM_RETRIES: '0' };
  const stack = await startStack({ env });
  await eventually(async () => (await stack.metric('redis_up')) === 1);
  await stack.lookup('complete-1');
  await redis.kill();
  stack.emulator.respondNext('complete-1', { status: 500, body: '{}' });
  const response = await stack.lookup('complete-1');
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-status')).toContain('; hit;');
});
