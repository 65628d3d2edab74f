import { once } from 'node:events';
import { Redis } from 'ioredis';
import { createRedisCache } from '../../src/cache/redis-cache.ts';
import type { FoundAnswer } from '../../src/lookup/answer.ts';
import { POLICY } from '../../test/support/builders.ts';
import { randomProjectId } from '../../test/support/sized-project.ts';

const WRITES_AT_ONCE = 500;

/** Writes so many different projects into Redis, as the service does. */
export async function fillRedis(
  url: string,
  projects: number,
  answerOf: (id: string) => FoundAnswer,
): Promise<void> {
  const client = new Redis(url);
  await once(client, 'ready');
  const shared = createRedisCache({
    client,
    guard: { run: (_operation, command) => command(), up: true, stop: () => undefined },
    keyPrefix: 'mhbff:',
    policy: POLICY,
    purgeMarkMs: 1000,
    announcePurge: async () => undefined,
  });
  async function write(): Promise<void> {
    const id = randomProjectId();
    await shared.write('image', id, answerOf(id), undefined);
  }
  try {
    for (let left = projects; left > 0; left -= WRITES_AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(WRITES_AT_ONCE, left) }, write));
    }
  } finally {
    client.disconnect();
  }
}
