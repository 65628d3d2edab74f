import { createLruMap } from '../lru-map.ts';
import type { RedisClient } from './redis-client.ts';
import type { RedisGuard, RedisOperation } from './redis-guard.ts';
import { redisScript, runScript } from './redis-script.ts';

/** Tells what comes for the first time. */
export interface Once {
  /** Whether this name comes for the first time within `ttlMs`. */
  first(name: string, ttlMs: number): Promise<boolean>;
}

/** The oldest go first; a name that went is new again. */
const MAX_NAMES = 100_000;

const NOTE = redisScript(`
return redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1])
`);

/** Remembers in this process alone, of a name at most so many that it fits in some megabytes. */
export function createLocalOnce(clock: { now(): number }): Once {
  const untilMs = createLruMap<number>(MAX_NAMES);
  return {
    async first(name, ttlMs) {
      const nowMs = clock.now();
      if ((untilMs.get(name) ?? Number.NEGATIVE_INFINITY) > nowMs) return false;
      untilMs.set(name, nowMs + ttlMs);
      return true;
    },
  };
}

/** Remembers for all replicas; while Redis is away, each by itself. What this process saw, it knows in either case. */
export function createSharedOnce(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keyPrefix: string;
  readonly operation: RedisOperation;
  readonly clock: { now(): number };
}): Once {
  const { client, guard, keyPrefix, operation } = options;
  const here = createLocalOnce(options.clock);
  return {
    async first(name, ttlMs) {
      if (!(await here.first(name, ttlMs))) return false;
      try {
        return (
          (await guard.run(operation, () => runScript(client, NOTE, [`${keyPrefix}${name}`], ttlMs))) === 'OK'
        );
      } catch {
        // The guard has told of it.
        return true;
      }
    },
  };
}
