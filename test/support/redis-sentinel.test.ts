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
  // Redis replicates after it has answered: a switch before that would lose the key.
  await eventually(async () => (await second?.command('GET', 'key')) === 'value');
  await redis.failover();
  expect(await redis.master()).toBe(second);
  // A replica from the moment it is told; one that has all of the data only once it is `connected`.
  await eventually(async () =>
    /^slave,.*,connected,/.test(String(await first?.command('ROLE').catch(() => ''))),
  );
  await second?.kill();
  await eventually(async () => (await redis.master()) === first, 15_000);
  expect(await first?.command('GET', 'key')).toBe('value');
});
