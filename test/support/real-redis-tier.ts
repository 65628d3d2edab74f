import { once } from 'node:events';
import { Redis } from 'ioredis';
import { createFlightChannel } from '../../src/cache/flight-channel.ts';
import { createRedisCache } from '../../src/cache/redis-cache.ts';
import type { RedisGuard } from '../../src/cache/redis-guard.ts';
import type { SharedCache } from '../../src/lookup/ports.ts';
import { POLICY, settle } from './builders.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';

const AGE = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then
    redis.call('PEXPIRE', key, math.max(0, left - ARGV[1]))
  end
end
`;

/** Takes time off the life of every key that has an end, as if it had passed. */
export async function ageKeys(server: RedisServer, ms: number): Promise<void> {
  await server.command('EVAL', AGE, '0', String(ms));
}

export interface RealRedisTier {
  readonly shared: SharedCache;
  /** Makes the server's keys older. */
  age(ms: number): Promise<void>;
  /** Resolves when no command is under way, and nothing runs any more that the last reply set off. */
  idle(): Promise<void>;
  clear(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The tier that the service has in Redis, on a server of its own. It announces no purge.
 *
 * @param lockMs for how long a flight of the fleet is its leader's; default: there are none
 */
export async function startRealRedisTier(purgeMarkMs: number, lockMs?: number): Promise<RealRedisTier> {
  const server = await startRedisServer();
  const client = new Redis(server.url);
  const subscriber = new Redis(server.url, { autoResubscribe: false });
  const channel = createFlightChannel('t:');
  channel.listen(subscriber);
  await Promise.all([once(client, 'ready'), once(subscriber, 'ready')]);
  // Replies come in order, so that the subscription was answered before.
  await subscriber.ping();
  const underWay = new Set<Promise<unknown>>();
  const guard: RedisGuard = {
    async run(_operation, command) {
      const running = command();
      underWay.add(running);
      try {
        return await running;
      } finally {
        underWay.delete(running);
      }
    },
    up: true,
    stop: () => undefined,
  };
  const announcePurge = async () => undefined;
  const flights = lockMs === undefined ? {} : { flights: { channel, maxFlightMs: lockMs, lockMs } };
  const tier = { client, guard, keyPrefix: 't:', policy: POLICY, purgeMarkMs, announcePurge };
  return {
    shared: createRedisCache({ ...tier, ...flights }),
    age: async (ms) => void (await client.eval(AGE, 0, ms)),
    async idle() {
      await settle();
      while (underWay.size > 0) {
        await Promise.allSettled(underWay);
        await settle();
      }
    },
    clear: async () => void (await client.flushall()),
    async stop() {
      client.disconnect();
      subscriber.disconnect();
      await server.stop();
    },
  };
}
