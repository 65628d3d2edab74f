import { decodeAnswer, encodeAnswer } from '../../src/cache/answer-codec.ts';
import type { SharedCache } from '../../src/lookup/ports.ts';

/**
 * The tier in Redis as `createRedisCache` has it, on a Redis in this process: the same bytes under the same two keys,
 * whose lives end on a clock of its own. It announces no purge. `model-redis.test.ts` holds it against a real server.
 *
 * @param options.now Redis' clock; no other clock is ever compared with it
 */
export function createModelRedis(options: {
  readonly now: () => number;
  readonly purgeMarkMs: number;
}): SharedCache {
  const { now, purgeMarkMs } = options;
  const keys = new Map<string, { readonly value: Buffer; readonly endsAtMs: number }>();
  let purges = 0;

  /** PTTL and GET; a key is gone at the very millisecond of its end. */
  function get(key: string): { readonly value?: Buffer; readonly lifeLeftMs: number } {
    const entry = keys.get(key);
    if (entry === undefined || entry.endsAtMs <= now()) return { lifeLeftMs: -2 };
    return { value: entry.value, lifeLeftMs: entry.endsAtMs - now() };
  }

  /** SET … PX */
  function set(key: string, value: Buffer, lifeMs: number): void {
    if (lifeMs <= 0) throw new Error("ERR invalid expire time in 'set' command");
    keys.set(key, { value, endsAtMs: now() + lifeMs });
  }

  return {
    async read(kind, id) {
      const { value, lifeLeftMs } = get(`${kind}:${id}`);
      const { value: mark } = get(`${kind}:${id}:purged`);
      return { answer: value && decodeAnswer(id, value), lifeLeftMs, purgeMark: mark?.toString() };
    },
    async write(kind, id, answer, purgeMark = '') {
      const { value: mark } = get(`${kind}:${id}:purged`);
      if (mark !== undefined && mark.toString() !== purgeMark) return false;
      set(`${kind}:${id}`, encodeAnswer(answer), answer.freshUntilMs - answer.fetchedAtMs);
      return true;
    },
    async purge(kind, id) {
      purges += 1;
      set(`${kind}:${id}:purged`, Buffer.from(`purge ${purges}`), purgeMarkMs);
      keys.delete(`${kind}:${id}`);
    },
  };
}
