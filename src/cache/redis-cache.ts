import { randomUUID } from 'node:crypto';
import type { SharedCache } from '../lookup/ports.ts';
import type { Kind } from '../lookup/project.ts';
import { decodeAnswer, encodeAnswer, FORMAT_VERSION } from './answer-codec.ts';
import type { RedisClient } from './redis-client.ts';
import type { RedisGuard } from './redis-guard.ts';
import { redisScript, runScript } from './redis-script.ts';

const TOMBSTONE = 'purged:';

/**
 * Stores an answer by absolute expiry, unless the project was purged since the flight that brought it began: then a
 * tombstone stands here that the flight had not seen. `pcall`, so that foreign data under the key is overwritten.
 */
const STORE = redisScript(`
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'string' and string.sub(held, 1, ${TOMBSTONE.length}) == '${TOMBSTONE}' and held ~= ARGV[3] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
return 1
`);

/**
 * The tier in Redis (6.2 or later, for PXAT). One key a project, so that it works on a cluster:
 * `{prefix}v{format}:{kind}:{id}`.
 *
 * @param options.tombstoneMs how long a purge is remembered: at least as long as a flight can last
 * @param options.announcePurge tells every replica
 */
export function createRedisCache(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keyPrefix: string;
  readonly tombstoneMs: number;
  readonly announcePurge: (kind: Kind, id: string) => Promise<void>;
}): SharedCache {
  const { client, guard, keyPrefix, tombstoneMs, announcePurge } = options;
  const keyOf = (kind: Kind, id: string) => `${keyPrefix}v${FORMAT_VERSION}:${kind}:${id}`;

  return {
    async read(kind, id) {
      const stored = await guard.run('cache_read', () => client.getBuffer(keyOf(kind, id)));
      if (stored === null) return { answer: undefined, purgeMark: undefined };
      if (stored.subarray(0, TOMBSTONE.length).equals(Buffer.from(TOMBSTONE))) {
        return { answer: undefined, purgeMark: stored.toString() };
      }
      return { answer: decodeAnswer(id, stored), purgeMark: undefined };
    },
    async write(kind, id, answer, purgeMark) {
      const args = [encodeAnswer(answer), Math.floor(answer.freshUntilMs), purgeMark ?? ''] as const;
      const written = await guard.run('cache_write', () =>
        runScript(client, STORE, keyOf(kind, id), ...args),
      );
      return written === 1;
    },
    async purge(kind, id) {
      const tombstone = TOMBSTONE + randomUUID();
      await guard.run('cache_purge', () => client.set(keyOf(kind, id), tombstone, 'PX', tombstoneMs));
      await announcePurge(kind, id);
    },
  };
}
