import { z } from 'zod';
import type { RedisClient } from '../cache/redis-client.ts';
import type { RedisGuard } from '../cache/redis-guard.ts';
import { redisScript, runScript } from '../cache/redis-script.ts';
import type { Clock } from '../lookup/ports.ts';
import type { DistinctNames } from './distinct-names.ts';

/** A set of names for each key, that grows to one more than the limit. */
const ADD = redisScript(`
local count = redis.pcall('SCARD', KEYS[1])
if type(count) ~= 'number' then
  -- Something stands there that is not ours.
  redis.call('DEL', KEYS[1])
  count = 0
end
local added = 0
if count <= tonumber(ARGV[3]) then
  added = redis.call('SADD', KEYS[1], ARGV[1])
end
local left = redis.call('PTTL', KEYS[1])
if left < 0 or left > tonumber(ARGV[2]) then
  left = tonumber(ARGV[2])
  redis.call('PEXPIRE', KEYS[1], left)
end
return { count + added, added, left }
`);

const replySchema = z.tuple([z.number(), z.number(), z.number()]);

/**
 * Counts over all replicas.
 *
 * @param options.whileAway counts in its place while Redis is away
 */
export function createSharedDistinctNames(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keyPrefix: string;
  readonly max: number;
  readonly windowMs: number;
  readonly whileAway: DistinctNames;
  readonly clock: Clock;
}): DistinctNames {
  const { client, guard, keyPrefix, max, windowMs, whileAway, clock } = options;
  return {
    async add(key, name) {
      try {
        const reply = await guard.run('rate_limit', () =>
          runScript(client, ADD, [`${keyPrefix}${key}`], name, windowMs, max),
        );
        const [count, added, leftMs] = replySchema.parse(reply);
        return { count, added: added === 1, endsAtMs: clock.now() + leftMs };
      } catch {
        // The guard has told of it.
        return whileAway.add(key, name);
      }
    },
  };
}
