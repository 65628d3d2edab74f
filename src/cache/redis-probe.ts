import { Cluster } from 'ioredis';
import type { RedisClient } from './redis-client.ts';

/**
 * Whether Redis can do its work, as far as one can tell without doing any: on every master and not on a replica, and
 * whether the subscriber's connection is alive (it was asked to subscribe before; replies come in order).
 *
 * @param key of no use to anybody
 */
export function createRedisProbe(
  client: RedisClient,
  subscriber: RedisClient,
  key: string,
): () => Promise<unknown> {
  // A PING is answered by a replica, too. This is a write, which only a master takes, and also one that is full.
  const probe = () => Promise.all([client.del(key), subscriber.ping()]);
  if (!(client instanceof Cluster)) return probe;
  return async () => {
    try {
      await Promise.all(client.nodes('master').map((node) => node.ping()));
      await probe();
    } catch (error) {
      // A command would have it look who the masters are now, but there are none while it is away.
      client.refreshSlotsCache();
      throw error;
    }
  };
}
