import { describeFailovers } from '../support/redis-failover.ts';
import { REDIS_FAULTS, type RedisFault } from '../support/redis-fault-rows.ts';
import { describeRedisFaults } from '../support/redis-faults.ts';
import { type SentinelRedis, startSentinelRedis } from '../support/redis-sentinel.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { eventually } from '../support/stack.ts';

const FAILOVER_MS = 20_000;

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

/** The Sentinels meanwhile may have begun to switch: Redis answers when they are through with it. */
const faults: readonly RedisFault[] = REDIS_FAULTS;
describeRedisFaults('with Sentinels', startSentinelRedis, faults);
