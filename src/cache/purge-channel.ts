import { z } from 'zod';
import { parseJson } from '../json.ts';
import { KINDS, type Kind, PROJECT_ID_PATTERN } from '../lookup/project.ts';
import type { RedisClient } from './redis-client.ts';
import type { RedisGuard } from './redis-guard.ts';
import { subscribeTo } from './subscription.ts';

const messageSchema = z.object({ kind: z.enum(KINDS), id: z.string().regex(PROJECT_ID_PATTERN) });

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
      subscribeTo(subscriber, channel, (text) => {
        const message = messageSchema.safeParse(parseJson(text));
        if (message.success) listener(message.data.kind, message.data.id);
      });
    },
  };
}
