import type { RedisServer } from '../../test/support/redis-server.ts';

/** All that Redis has allocated, in bytes (`used_memory`). */
export async function redisMemory(redis: RedisServer): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(String(await redis.command('INFO', 'memory')))?.[1]);
}
