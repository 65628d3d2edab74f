import { z } from 'zod';
import type { RedisClient } from '../cache/redis-client.ts';
import type { RedisGuard } from '../cache/redis-guard.ts';
import { redisScript, runScript } from '../cache/redis-script.ts';

/** Hits in the present window, these included, and the milliseconds that are left of the window. */
export interface Count {
  readonly totalHits: number;
  readonly windowLeftMs: number;
}

/**
 * Counts hits of a key, over all replicas.
 *
 * @param windowLeftMs how long a window lasts that begins with these hits
 */
export type SharedCounter = (key: string, hits: number, windowLeftMs: number) => Promise<Count>;

const COUNT = redisScript(`
local left = redis.call('PTTL', KEYS[1])
if left > 0 and left <= tonumber(ARGV[3]) then
  local total = redis.pcall('INCRBY', KEYS[1], ARGV[1])
  if type(total) == 'number' then
    return { total, left }
  end
end
-- A new window; also where something stands there that is not ours.
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { tonumber(ARGV[1]), tonumber(ARGV[2]) }
`);

const replySchema = z.tuple([z.number(), z.number()]);

interface Waiting extends PromiseWithResolvers<Count> {
  readonly hits: number;
}

/**
 * While one command for a key is on its way, further hits of that key wait and go together with the next: one command
 * a round trip in place of one a hit. Each hit still gets a number of its own, so the count stays exact.
 *
 * @param windowMs the longest that a window lasts; what lasts longer is not ours
 */
export function createSharedCounter(client: RedisClient, guard: RedisGuard, windowMs: number): SharedCounter {
  const waiting = new Map<string, Waiting[]>();
  const sending = new Set<string>();

  async function send(key: string, windowLeftMs: number): Promise<void> {
    const batch = waiting.get(key);
    if (batch === undefined) return;
    waiting.delete(key);
    sending.add(key);
    const hits = batch.reduce((sum, each) => sum + each.hits, 0);
    try {
      const reply = await guard.run('rate_limit', () =>
        runScript(client, COUNT, [key], hits, Math.max(1, Math.ceil(windowLeftMs)), windowMs),
      );
      const [after, leftMs] = replySchema.parse(reply);
      let totalHits = after - hits;
      for (const each of batch) {
        totalHits += each.hits;
        each.resolve({ totalHits, windowLeftMs: leftMs });
      }
    } catch (error) {
      for (const each of batch) each.reject(error);
    } finally {
      sending.delete(key);
      void send(key, windowLeftMs);
    }
  }

  return (key, hits, windowLeftMs) => {
    const each = { ...Promise.withResolvers<Count>(), hits };
    const others = waiting.get(key);
    if (others === undefined) waiting.set(key, [each]);
    else others.push(each);
    if (!sending.has(key)) void send(key, windowLeftMs);
    return each.promise;
  };
}
