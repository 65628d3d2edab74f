import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeFailovers } from '../support/redis-failover.ts';
import { REDIS_FAULTS } from '../support/redis-fault-rows.ts';
import { describeRedisFaults } from '../support/redis-faults.ts';
import { type SentinelRedis, startSentinelRedis } from '../support/redis-sentinel.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

const FAILOVER_MS = 20_000;
const RECOVERY_MS = 2000;

const isUp = async (stack: Stack) => (await stack.metric('redis_up')) === 1;

async function settled(redis: SentinelRedis): Promise<void> {
  await eventually(() => redis.isSettled(), FAILOVER_MS);
}

function oneOf({ servers }: SentinelRedis, index: 0 | 1): RedisServer {
  const server = servers[index];
  if (server === undefined) throw new Error('the group has no replica');
  return server;
}

describeFailovers('a Sentinel group', startSentinelRedis, [
  {
    name: 'the master is killed',
    leavesAGap: true,
    begin: (redis) => oneOf(redis, 0).kill(),
    promoted: (redis) => eventually(async () => (await redis.master()) === oneOf(redis, 1), FAILOVER_MS),
    async end(redis) {
      await oneOf(redis, 0).restart();
      await settled(redis);
    },
  },
  {
    name: 'the master is paused',
    leavesAGap: true,
    begin: async (redis) => oneOf(redis, 1).pause(),
    promoted: (redis) => eventually(async () => (await redis.master()) === oneOf(redis, 0), FAILOVER_MS),
    async end(redis) {
      oneOf(redis, 1).resume();
      await settled(redis);
    },
  },
  {
    name: 'the Sentinels are told to switch',
    leavesAGap: false,
    begin: (redis) => redis.failover(),
    promoted: async () => undefined,
    end: settled,
  },
]);

let faulty: SentinelRedis;
describeRedisFaults(
  'with Sentinels',
  async () => {
    faulty = await startSentinelRedis();
    return faulty;
  },
  REDIS_FAULTS.map((fault) => ({
    ...fault,
    async end(topology) {
      await fault.end(topology);
      // The Sentinels may have begun to switch meanwhile: Redis is back when they are through with it.
      await settled(faulty);
    },
  })),
);

describe('Sentinels', () => {
  let redis: SentinelRedis;
  beforeAll(async () => {
    redis = await startSentinelRedis();
  });
  afterAll(() => redis.stop());

  test('of which the first hangs do not keep the service from its master', async () => {
    redis.sentinels[0]?.pause();
    const stack = await startStack({ env: redis.env });
    await eventually(() => isUp(stack));
    redis.sentinels[0]?.resume();
  });

  test('are followed at once, though the master that they replaced still answers', async () => {
    const stack = await startStack({ env: redis.env });
    await eventually(() => isUp(stack));
    // As long as in real life: eight seconds.
    for (const sentinel of redis.sentinels)
      await sentinel.command('SENTINEL', 'DEBUG', 'publish-period', '2000');
    const before = oneOf(redis, 0);
    await redis.failover();
    let looked = 0;
    await eventually(async () => {
      looked += 1;
      await stack.lookup(`complete-${looked}`);
      return (await oneOf(redis, 1).keys(`mhbff:v1:{image:complete-${looked}}`)).length === 1;
    }, RECOVERY_MS);
    expect(await before.command('ROLE')).toContain('master');
  });
});
