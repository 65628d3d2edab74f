import type { RedisClient } from './redis-client.ts';

/** After a subscription that was refused. */
const RETRY_MS = 500;

/** Calls the listener with each message of a channel, until the subscriber is closed. */
export function subscribeTo(
  subscriber: RedisClient,
  channel: string,
  listener: (message: string) => void,
): void {
  subscriber.on('message', (from: string, message: string) => {
    if (from === channel) listener(message);
  });
  // A connection that is lost meanwhile is ready again later; one that is not answered is dropped by the client.
  const subscribe = () => {
    if (subscriber.status !== 'ready') return;
    subscriber.subscribe(channel).catch(() => setTimeout(subscribe, RETRY_MS).unref());
  };
  subscriber.on('ready', subscribe);
}
