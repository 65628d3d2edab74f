import { z } from 'zod';
import type { RedisClient } from '../cache/redis-client.ts';
import type { RedisGuard } from '../cache/redis-guard.ts';
import { redisScript, runScript } from '../cache/redis-script.ts';
import type { Kind } from '../lookup/project.ts';
import { decodeOwnership, encodeOwnership, type Owners, PLACES } from './ownership.ts';

/** Of what `encodeOwnership` writes; it has to outlive changes of all that is only cached. */
const FORMAT = 1;

/** The time to live in milliseconds; 0 is without an end. */
const ASSIGN = redisScript(`
local before = redis.call('GET', KEYS[1])
if before and before ~= ARGV[1] then
  return 'conflict'
end
if ARGV[2] == '0' then
  redis.call('SET', KEYS[1], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return before and 'unchanged' or 'assigned'
`);

/** Compared there, so that the reply is as long for a foreign project as for an unknown one. */
const IS_OF = redisScript(`
return redis.call('GETRANGE', KEYS[1], ARGV[1], ARGV[2]) == ARGV[3] and 1 or 0
`);

/** Of one command (GETDEL) from Redis 6.2 on. */
const RELEASE = redisScript(`
local before = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
return before
`);

const NOBODY = 'nobody';
const released = z.string().nullable();
const assigned = z.enum(['assigned', 'unchanged', 'conflict']);

/**
 * In Redis, beside the project's other keys: `…:owner`. Unlike them it is no copy of anything: what Redis loses here its users
 * lose sight of (docs/ownership.md).
 *
 * @param options.ttlMs 0 is without an end
 */
export function createRedisOwners(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keyPrefix: string;
  readonly ttlMs: number;
}): Owners {
  const { client, guard, keyPrefix, ttlMs } = options;
  const keyOf = (kind: Kind, id: string) => `${keyPrefix}v${FORMAT}:{${kind}:${id}}:owner`;
  return {
    async isOf(relation, key, kind, id) {
      const { from, to } = PLACES[relation];
      // Nobody's is compared as well, with what no key is, so that it takes as long.
      const asked = key === undefined || key === '' ? NOBODY : key;
      const reply = await guard.run('owner_read', () =>
        runScript(client, IS_OF, [keyOf(kind, id)], from, to - 1, asked),
      );
      return reply === 1;
    },
    async find(kind, id) {
      const encoded = await guard.run('owner_read', () => client.get(keyOf(kind, id)));
      return encoded === null ? undefined : decodeOwnership(encoded);
    },
    async assign(kind, id, ownership) {
      return assigned.parse(
        await guard.run('owner_write', () =>
          runScript(client, ASSIGN, [keyOf(kind, id)], encodeOwnership(ownership), ttlMs),
        ),
      );
    },
    async release(kind, id) {
      const encoded = released.parse(
        await guard.run('owner_write', () => runScript(client, RELEASE, [keyOf(kind, id)])),
      );
      return encoded === null ? undefined : decodeOwnership(encoded);
    },
  };
}
