import { cacheGrowth } from '../test/support/cache-growth.ts';
import type { RedisServer } from '../test/support/redis-server.ts';
import { sizedAnswers } from '../test/support/sized-project.ts';
import { fillRedis } from './support/fill-redis.ts';
import { redisMemory } from './support/redis-memory.ts';
import type { Surroundings } from './support/surroundings.ts';

export interface SizeOptions {
  readonly bodyBytes: readonly number[];
  /** The bound of the memory tier, which is filled. */
  readonly maxBytes: number;
  readonly redisProjects: number;
}

/** Of each project, by the length of its body. */
export interface ProjectSize {
  readonly bodyBytes: number;
  /** How many fitted into the memory tier. */
  readonly entries: number;
  /** By what V8 says of its heap and of what it knows of outside of it. */
  readonly managedBytes: number;
  readonly residentBytes: number;
  /** `MEMORY USAGE` of one key. */
  readonly redisKeyBytes: number;
  /** Growth of `used_memory`. */
  readonly redisBytes: number;
}

/** The default of CACHE_MEMORY_MAX_BYTES, and the lengths of what Magic Hour answers. */
export const FULL: SizeOptions = {
  bodyBytes: [400, 750, 1500, 5000],
  maxBytes: 64 * 2 ** 20,
  redisProjects: 20_000,
};
export const QUICK: SizeOptions = { ...FULL, maxBytes: 8 * 2 ** 20, redisProjects: 2000 };

/** More than fit, so that all of the tier's memory is made use of. */
const MORE_THAN_FIT = 1.2;

export async function measureSize(
  { redis, signal }: Pick<Surroundings, 'redis' | 'signal'>,
  { bodyBytes: lengths, maxBytes, redisProjects }: SizeOptions,
): Promise<ProjectSize[]> {
  const sizes: ProjectSize[] = [];
  for (const bodyBytes of lengths) {
    const projects = Math.ceil((MORE_THAN_FIT * maxBytes) / bodyBytes);
    const growth = await cacheGrowth({ maxBytes, bodyBytes, projects, signal });
    if (growth.entries === projects) throw new Error('the memory tier is not full');
    sizes.push({
      bodyBytes,
      entries: growth.entries,
      managedBytes: growth.managedBytes / growth.entries,
      residentBytes: growth.residentBytes / growth.entries,
      ...(await redisSize(redis, bodyBytes, redisProjects)),
    });
  }
  return sizes;
}

async function redisSize(redis: RedisServer, bodyBytes: number, projects: number) {
  await redis.command('FLUSHALL');
  const beforeBytes = await redisMemory(redis);
  await fillRedis(redis.url, projects, sizedAnswers(bodyBytes, Date.now()));
  const redisBytes = ((await redisMemory(redis)) - beforeBytes) / projects;
  const key = String(await redis.command('RANDOMKEY'));
  return { redisBytes, redisKeyBytes: Number(await redis.command('MEMORY', 'USAGE', key)) };
}
