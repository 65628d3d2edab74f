import type { Store } from 'express-rate-limit';
import { type RedisReply, RedisStore } from 'rate-limit-redis';
import { z } from 'zod';
import type { RedisClient } from '../cache/redis-client.ts';
import type { RedisGuard } from '../cache/redis-guard.ts';
import { type RedisScript, redisScript, runScript } from '../cache/redis-script.ts';

const replySchema = z.union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))]);

/**
 * rate-limit-redis over our client. Its scripts are loaded where and when they are first needed, so that it works
 * with a Redis that was away at start, that was exchanged, and on every node of a cluster.
 */
export function createRedisStore(client: RedisClient, guard: RedisGuard, prefix: string): Store {
  const scripts = new Map<string, RedisScript>();

  async function send(command: readonly string[]): Promise<RedisReply> {
    const [name, ...args] = command;
    if (name === 'SCRIPT' && args[1] !== undefined) {
      const script = redisScript(args[1]);
      scripts.set(script.sha1, script);
      return script.sha1;
    }
    const [sha1, , key, ...values] = args;
    const script = scripts.get(sha1 ?? '');
    const reply =
      name === 'EVALSHA' && script !== undefined && key !== undefined
        ? await guard.run('rate_limit', () => runScript(client, script, [key], ...values))
        : await guard.run('rate_limit', () => client.call(name ?? '', ...args));
    return replySchema.parse(reply);
  }

  return new RedisStore({ prefix, sendCommandCluster: ({ command }) => send(command) });
}
