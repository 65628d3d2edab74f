import { z } from 'zod';
import { parseJson } from '../json.ts';
import { KINDS, type Kind, PROJECT_ID_PATTERN } from '../lookup/project.ts';
import type { RedisClient } from './redis-client.ts';
import type { RedisGuard } from './redis-guard.ts';

const messageSchema = z.object({ kind: z.enum(KINDS), id: z.string().regex(PROJECT_ID_PATTERN) });

/** After a subscription that was refused. */
const RETRY_MS = 500;

/** Carries purges to every replica. A replica that misses one stops trusting its copy by itself in a while. */
export interface PurgeChannel {
  announce(kind: Kind, id: string): Promise<void>;
  /** Calls the listener for each purge of any replica, this one included, until the subscriber is closed. */
  listen(subscriber: RedisClient, listener: (kind: Kind, id: string) => void): void;
}

export function createPurgeChannel(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keyPrefix: string;
}): PurgeChannel {
  const { client, guard, keyPrefix } = options;
  const channel = `${keyPrefix}v1:purge`;
  return {
    async announce(kind, id) {
      await guard.run('purge_publish', () => client.publish(channel, JSON.stringify({ kind, id })));
    },
    listen(subscriber, listener) {
      subscriber.on('message', (_channel: string, text: string) => {
        const message = messageSchema.safeParse(parseJson(text));
        if (message.success) listener(message.data.kind, message.data.id);
      });
      // A connection that is lost meanwhile is ready again later; one that is not answered is dropped by the client.
      const subscribe = () => {
        if (subscriber.status !== 'ready') return;
        subscriber.subscribe(channel).catch(() => setTimeout(subscribe, RETRY_MS).unref());
      };
      subscriber.on('ready', subscribe);
    },
  };
}
