import type { RedisGuard } from '../../src/cache/redis-guard.ts';

/** Lets every command through, for tests of what is sent to a Redis that is there. */
export const openGuard: RedisGuard = {
  run: (_operation, command) => command(),
  up: true,
  stop: () => undefined,
};
