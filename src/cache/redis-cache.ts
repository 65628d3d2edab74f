import { randomUUID } from 'node:crypto';
import type { FreshnessPolicy } from '../lookup/freshness.ts';
import type { SharedCache } from '../lookup/ports.ts';
import type { Kind } from '../lookup/project.ts';
import { decodeAnswer, encodeAnswer, FORMAT_VERSION } from './answer-codec.ts';
import { limitLife } from './life-limit.ts';
import type { RedisClient } from './redis-client.ts';
import type { RedisGuard } from './redis-guard.ts';
import { redisScript, runScript } from './redis-script.ts';

/**
 * Stores an answer for as long as it has to live, which Redis counts by itself, so that nobody's clock need agree with
 * another's. Stores nothing if the project was purged since the flight that brought it began: then another mark stands
 * here than the one that the flight saw. (A mark outlives every flight, so that none here means no purge.) What is stored
 * leaves the mark alone, so that a write which is later still is held against it too.
 */
const STORE = redisScript(`
-- MGET takes a key of another type for none, as the read does.
local mark = redis.call('MGET', KEYS[2])[1]
if mark and mark ~= ARGV[3] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`);

/** The write that frees memory comes first: after it, a Redis that is full lets the script go on. */
const PURGE = redisScript(`
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
`);

/** One that goes there and back unchanged, whatever bytes stand in place of a mark. */
const MARK_ENCODING = 'latin1';

/**
 * The tier in Redis (6 or later). Two keys a project, of one slot so that it works on a cluster:
 * `{prefix}v{format}:{kind:id}` with the answer and, a short while after a purge, the same with `:purged`.
 *
 * @param options.purgeMarkMs how long a purge is remembered: at least as long as a flight can last
 * @param options.announcePurge tells every replica
 */
export function createRedisCache(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keyPrefix: string;
  readonly policy: FreshnessPolicy;
  readonly purgeMarkMs: number;
  readonly announcePurge: (kind: Kind, id: string) => Promise<void>;
}): SharedCache {
  const { client, guard, keyPrefix, policy, purgeMarkMs, announcePurge } = options;

  /** The braces are a hash tag: what stands in them alone decides the slot. */
  function keysOf(kind: Kind, id: string): [answer: string, purgeMark: string] {
    const key = `${keyPrefix}v${FORMAT_VERSION}:{${kind}:${id}}`;
    return [key, `${key}:purged`];
  }

  return {
    async read(kind, id) {
      // MGET answers null for a key of another type, too: a miss, and the next write mends it.
      // Both commands go out together; a write that came in between could only make the life that is left too short.
      const keys = keysOf(kind, id);
      const [[stored, mark], ttlMs] = await guard.run('cache_read', () =>
        Promise.all([client.mgetBuffer(keys), client.pttl(keys[0])]),
      );
      const decoded = stored ? decodeAnswer(id, stored) : undefined;
      const answer = decoded && limitLife(decoded, policy);
      // -1: somebody took its end away (PERSIST), so that its own times alone count.
      const lifeLeftMs = ttlMs === -1 ? Number.POSITIVE_INFINITY : ttlMs;
      return { answer, lifeLeftMs, purgeMark: mark?.toString(MARK_ENCODING) };
    },
    async write(kind, id, answer, purgeMark) {
      const lifeMs = answer.freshUntilMs - answer.fetchedAtMs;
      const mark = Buffer.from(purgeMark ?? '', MARK_ENCODING);
      const args = [encodeAnswer(answer), Math.ceil(lifeMs), mark] as const;
      const written = await guard.run('cache_write', () =>
        runScript(client, STORE, keysOf(kind, id), ...args),
      );
      return written === 1;
    },
    async purge(kind, id) {
      await guard.run('cache_purge', () =>
        runScript(client, PURGE, keysOf(kind, id), randomUUID(), purgeMarkMs),
      );
      await announcePurge(kind, id);
    },
  };
}
