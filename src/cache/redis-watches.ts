import { z } from 'zod';
import type { SharedWatches } from '../lookup/ports.ts';
import { WATCH_MEMORY_MS } from '../lookup/watcher.ts';
import { projectKeys } from './project-keys.ts';
import { WATCH } from './redis-cache-scripts.ts';
import type { RedisClient } from './redis-client.ts';
import type { RedisGuard } from './redis-guard.ts';
import { runScript } from './redis-script.ts';

const ageMs = z.number().nonnegative();

/** What the fleet remembers of who watches, in Redis. */
export function createRedisWatches(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keyPrefix: string;
}): SharedWatches {
  const { client, guard, keyPrefix } = options;
  return {
    async begin(kind, id) {
      const [, , , watched] = projectKeys(keyPrefix, kind, id);
      return ageMs.parse(
        await guard.run('watch', () => runScript(client, WATCH, [watched], WATCH_MEMORY_MS)),
      );
    },
  };
}
