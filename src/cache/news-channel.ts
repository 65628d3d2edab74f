import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from '../json.ts';
import { type Answer, etagOf } from '../lookup/answer.ts';
import { KINDS, type Kind, PROJECT_ID_PATTERN } from '../lookup/project.ts';
import type { RedisClient } from './redis-client.ts';
import { subscribeTo } from './subscription.ts';

const messageSchema = z.object({
  kind: z.enum(KINDS),
  id: z.string().regex(PROJECT_ID_PATTERN),
  /** Of a project; missing where it is not there any more. */
  etag: z.string().optional(),
  /** The replica that has it already. */
  from: z.string(),
  /** It came by a webhook: whoever asks the upstream at this moment may get an older one. */
  delivered: z.literal(true).optional(),
});

/**
 * Tells all replicas of an answer that one of them has stored. It doesn't carry the answer: who wants it reads it. A message
 * that is lost is made good by the next poll.
 */
export interface NewsChannel {
  readonly name: string;
  message(kind: Kind, id: string, answer: Answer): string;
  /** Of an answer that came by a webhook. */
  deliveredMessage(kind: Kind, id: string, answer: Answer): string;
  /** Calls the listener for the news of other replicas, until the subscriber is closed. */
  listen(subscriber: RedisClient, listener: NewsListener): void;
}

export type NewsListener = (kind: Kind, id: string, etag: string | undefined, delivered: boolean) => void;

export function createNewsChannel(keyPrefix: string): NewsChannel {
  const name = `${keyPrefix}v1:news`;
  const replica = randomBytes(8).toString('hex');
  const newsOf = (kind: Kind, id: string, answer: Answer) => ({
    kind,
    id,
    etag: etagOf(answer),
    from: replica,
  });
  return {
    name,
    message: (...news) => JSON.stringify(newsOf(...news)),
    deliveredMessage: (...news) => JSON.stringify({ ...newsOf(...news), delivered: true }),
    listen(subscriber, listener) {
      subscribeTo(subscriber, name, (text) => {
        const message = messageSchema.safeParse(parseJson(text));
        if (!message.success || message.data.from === replica) return;
        const { kind, id, etag, delivered = false } = message.data;
        listener(kind, id, etag, delivered);
      });
    },
  };
}
