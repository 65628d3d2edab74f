import { createHash } from 'node:crypto';
import type { Store } from 'express-rate-limit';
import { type RedisReply, RedisStore } from 'rate-limit-redis';
import type { RedisClient } from '../cache/redis-client.ts';
import type { RedisGuard } from '../cache/redis-guard.ts';
import { createCounter } from './counter.ts';

/**
 * rate-limit-redis over our counter. What it wants loaded is told its hash alone: the counter's script is sent where
 * and when it is first needed, so this works with a Redis that was away at start, that was exchanged, and on every
 * node of a cluster.
 */
export function createRedisStore(client: RedisClient, guard: RedisGuard, prefix: string): Store {
  const count = createCounter(client, guard);

  async function send([name, ...args]: readonly string[]): Promise<RedisReply> {
    if (name === 'SCRIPT')
      return createHash('sha1')
        .update(args[1] ?? '')
        .digest('hex');
    const [, , key, windowMs] = args;
    if (name === 'EVALSHA' && key !== undefined && windowMs !== undefined) {
      return [...(await count(key, Number(windowMs)))];
    }
    throw new Error('express-rate-limit only counts here');
  }

  return new RedisStore({ prefix, sendCommandCluster: ({ command }) => send(command) });
}
