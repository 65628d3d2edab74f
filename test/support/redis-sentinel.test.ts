import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SentinelRedis, startSentinelRedis } from './redis-sentinel.ts';
import { eventually } from './stack.ts';

let redis: SentinelRedis;
beforeAll(async () => {
  redis = await startSentinelRedis();
});
afterAll(() => redis.stop());

test('the Sentinels switch to the replica by order, and back when the new master is killed', async () => {
  const [first, second] = redis.servers;
  expect(await redis.master()).toBe(first);
  await first?.command('SET', 'key', 'value');
  await redis.failover();
  expect(await redis.master()).toBe(second);
  await eventually(async () => String(await first?.command('ROLE').catch(() => '')).startsWith('slave'));
  await second?.kill();
  await eventually(async () => (await redis.master()) === first, 15_000);
  expect(await first?.command('GET', 'key')).toBe('value');
});
