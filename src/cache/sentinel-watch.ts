import { Redis } from 'ioredis';
import { connectionOptions, type RedisSettings, reconnectDelayMs } from './redis-client.ts';

const SWITCHED = '+switch-master';

/**
 * Listens to every Sentinel that is configured. A master that was replaced by order goes on answering for some ten seconds
 * until the Sentinels make it a replica, and what is written to it meanwhile is lost: limits, and purges too.
 *
 * @param onSwitch called as each Sentinel says that there is another master
 * @returns ends it
 */
export function watchSentinels(settings: RedisSettings, onSwitch: () => void): () => void {
  const watchers = settings.sentinelNodes.map((node) => {
    const watcher = new Redis({
      ...connectionOptions(settings),
      ...node,
      autoResubscribe: false,
      retryStrategy: reconnectDelayMs,
    });
    watcher.on('error', () => undefined);
    watcher.on('ready', () => {
      watcher.subscribe(SWITCHED).catch(() => undefined);
    });
    watcher.on('message', (_channel: string, text: string) => {
      if (text.startsWith(`${settings.sentinelName} `)) onSwitch();
    });
    return watcher;
  });
  return () => {
    for (const watcher of watchers) watcher.disconnect();
  };
}
