import { z } from 'zod';
import type { RedisClient } from '../cache/redis-client.ts';
import type { RedisGuard } from '../cache/redis-guard.ts';
import { redisScript, runScript } from '../cache/redis-script.ts';
import type { Kind } from '../lookup/project.ts';
import { decodeOwnership, encodeOwnership, grantOf, grantsOf, type Owners, PLACES } from './ownership.ts';

/** Of what `encodeOwnership` writes; it has to outlive changes of all that is only cached. */
const FORMAT = 1;

/** KEYS: the record, its grants. ARGV: the record, the time to live in milliseconds; 0 is without an end. */
const ASSIGN = redisScript(`
local before = redis.call('GET', KEYS[1])
if before and before ~= ARGV[1] then
  return 'conflict'
end
for place, key in ipairs(KEYS) do
  local value = place == 1 and ARGV[1] or '1'
  if ARGV[2] == '0' then
    redis.call('SET', key, value)
  else
    redis.call('SET', key, value, 'PX', ARGV[2])
  end
end
return before and 'unchanged' or 'assigned'
`);

/**
 * KEYS: the record, the grant that is asked for. Whoever has none learns nothing by the time that this takes: what it does for them
 * is to look for a key that is not there, whether there is a record or not. Of those who have one, the record decides. It is read, for
 * Redis takes a key that is only asked whether it exists for one that nobody uses, and evicts it.
 */
const IS_OF = redisScript(`
if not redis.call('GET', KEYS[2]) then
  return 0
end
return redis.call('GETRANGE', KEYS[1], ARGV[1], ARGV[2]) == ARGV[3] and 1 or 0
`);

/** KEYS: the record, its grants. ARGV: the record that they are of. */
const RELEASE = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', unpack(KEYS))
return 1
`);

const NOBODY = 'nobody';
/** Others may change the owner at the same time; nobody does that without an end. */
const MAX_TRIES = 5;
const assigned = z.enum(['assigned', 'unchanged', 'conflict']);

/**
 * In Redis, beside the project's other keys: a record, `…:owner`, and a grant for each who may see it, `…:owner:{key}` and
 * `…:tenant:{key}`. Unlike those they are no copy of anything: what Redis loses here its users lose sight of (docs/ownership.md).
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
  const keysOf = (kind: Kind, id: string, grants: readonly string[] = []) => {
    const place = `${keyPrefix}v${FORMAT}:{${kind}:${id}}`;
    return [`${place}:owner`, ...grants.map((grant) => `${place}:${grant}`)] as const;
  };
  const recordOf = (kind: Kind, id: string) => keysOf(kind, id)[0];
  const read = (kind: Kind, id: string) => guard.run('owner_read', () => client.get(recordOf(kind, id)));
  return {
    async isOf(relation, key, kind, id) {
      const { from, to } = PLACES[relation];
      // Nobody is asked about as well, so that it takes as long.
      const asked = key === undefined || key === '' ? NOBODY : key;
      const keys = keysOf(kind, id, [grantOf(relation, asked)]);
      const reply = await guard.run('owner_read', () => runScript(client, IS_OF, keys, from, to - 1, asked));
      return reply === 1;
    },
    async find(kind, id) {
      const encoded = await read(kind, id);
      return encoded === null ? undefined : decodeOwnership(encoded);
    },
    async assign(kind, id, ownership) {
      const keys = keysOf(kind, id, grantsOf(ownership));
      return assigned.parse(
        await guard.run('owner_write', () =>
          runScript(client, ASSIGN, keys, encodeOwnership(ownership), ttlMs),
        ),
      );
    },
    async release(kind, id) {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const encoded = await read(kind, id);
        if (encoded === null) return undefined;
        const ownership = decodeOwnership(encoded);
        if (ownership === undefined) {
          // Nobody's, since nobody can read it, and in the way of whoever is to be the owner.
          await guard.run('owner_write', () => client.del(recordOf(kind, id)));
          return undefined;
        }
        const keys = keysOf(kind, id, grantsOf(ownership));
        // Where it is another's by now, that one is let go.
        if ((await guard.run('owner_write', () => runScript(client, RELEASE, keys, encoded))) === 1)
          return ownership;
      }
      throw new Error('the owner changed again and again');
    },
  };
}
