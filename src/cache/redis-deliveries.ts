import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Deliveries, REMEMBER_MS } from '../lookup/deliveries.ts';
import { encodeAnswer } from './answer-codec.ts';
import type { NewsChannel } from './news-channel.ts';
import { projectKeys } from './project-keys.ts';
import { DELIVER } from './redis-cache-scripts.ts';
import type { RedisClient } from './redis-client.ts';
import type { RedisGuard } from './redis-guard.ts';
import { runScript } from './redis-script.ts';

const reply = z.enum(['stored', 'replayed', 'outdated', 'purged']);

/** Marks of purges are UUIDs, in small letters: none begins with this. */
const DELIVERY_MARK = 'D';

/**
 * What all replicas decide and keep together, in Redis: beside the keys of `createRedisCache`, the same with `:over` for a day
 * since a project was seen to be over, and with `:delivery:` and its id for as long as a delivery can come again.
 *
 * @param options.flightChannel where those wait who follow a flight; '' where there are none
 */
export function createRedisDeliveries(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keyPrefix: string;
  readonly replayMemoryMs: number;
  readonly flightChannel: string;
  readonly news: Pick<NewsChannel, 'name' | 'deliveredMessage'>;
}): Deliveries {
  const { client, guard, keyPrefix, replayMemoryMs, flightChannel, news } = options;
  return {
    async deliver({ kind, id, answer, deliveryId }) {
      const keys = projectKeys(keyPrefix, kind, id);
      const args = [
        encodeAnswer(answer),
        Math.ceil(answer.freshUntilMs - answer.fetchedAtMs),
        DELIVERY_MARK,
        `${DELIVERY_MARK}${randomUUID()}`,
        REMEMBER_MS,
        answer.terminal ? 1 : 0,
        replayMemoryMs,
        flightChannel,
        news.name,
        news.deliveredMessage(kind, id, answer),
      ] as const;
      const all = [...keys, `${keys[0]}:delivery:${deliveryId}`];
      return reply.parse(await guard.run('cache_deliver', () => runScript(client, DELIVER, all, ...args)));
    },
    lookedUp(kind, id, answer) {
      // Of what is stored it is remembered at the same go.
      const kept = answer.freshUntilMs > answer.fetchedAtMs;
      if (kept || !answer.found || !answer.terminal) return;
      const over = projectKeys(keyPrefix, kind, id)[4];
      guard.run('cache_write', () => client.set(over, '1', 'PX', REMEMBER_MS)).catch(() => undefined);
    },
    purged: () => undefined,
  };
}
