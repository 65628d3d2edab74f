import { z } from 'zod';
import type { RedisClient } from '../cache/redis-client.ts';
import type { RedisGuard } from '../cache/redis-guard.ts';
import { redisScript, runScript } from '../cache/redis-script.ts';

/** Hits in the present window, this one included, and the milliseconds that are left of the window. */
export type Count = readonly [hits: number, windowLeftMs: number];

/** Counts hits of a key, exactly over all replicas. */
export type Counter = (key: string, windowMs: number) => Promise<Count>;

/** rate-limit-redis' own increment, for several hits at once. */
const COUNT = redisScript(`
local left = redis.call('PTTL', KEYS[1])
if left <= 0 then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
  return { tonumber(ARGV[2]), tonumber(ARGV[1]) }
end
return { redis.call('INCRBY', KEYS[1], ARGV[2]), left }
`);

const countSchema = z.tuple([z.number(), z.number()]);

/**
 * While one command for a key is on its way, further hits of that key wait and go together with the next: one command
 * a round trip in place of one a hit. Each hit still gets a number of its own, so the count stays exact. (Hot lookups
 * of eight users from one address: 0.5 commands each in place of 2; `npm run bench`.)
 */
export function createCounter(client: RedisClient, guard: RedisGuard): Counter {
  const waiting = new Map<string, Array<PromiseWithResolvers<Count>>>();
  const sending = new Set<string>();

  async function send(key: string, windowMs: number): Promise<void> {
    const hits = waiting.get(key);
    if (hits === undefined) return;
    waiting.delete(key);
    sending.add(key);
    try {
      const reply = await guard.run('rate_limit', () =>
        runScript(client, COUNT, [key], windowMs, hits.length),
      );
      const [total, leftMs] = countSchema.parse(reply);
      for (const [at, hit] of hits.entries()) hit.resolve([total - hits.length + 1 + at, leftMs]);
    } catch (error) {
      for (const hit of hits) hit.reject(error);
    } finally {
      sending.delete(key);
      void send(key, windowMs);
    }
  }

  return (key, windowMs) => {
    const hit = Promise.withResolvers<Count>();
    const others = waiting.get(key);
    if (others === undefined) waiting.set(key, [hit]);
    else others.push(hit);
    if (!sending.has(key)) void send(key, windowMs);
    return hit.promise;
  };
}
