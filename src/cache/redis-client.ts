import { Cluster, Redis } from 'ioredis';

export type RedisClient = Redis | Cluster;

export interface RedisSettings {
  readonly url: string | undefined;
  readonly clusterNodes: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  readonly sentinelNodes: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  readonly sentinelName: string | undefined;
  readonly commandTimeoutMs: number;
}

const MAX_RECONNECT_DELAY_MS = 1000;

/** Grows to one second, with jitter so that a fleet doesn't come back in step. */
function reconnectDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 6), MAX_RECONNECT_DELAY_MS) * (0.75 + Math.random() / 2);
}

/**
 * A client of one server, a Sentinel group or a cluster; `undefined` where no Redis is configured.
 *
 * A command fails within `commandTimeoutMs` or at once: nothing is queued while there is no connection and nothing is
 * sent again, since whoever waits for Redis here is better served without it.
 */
export function createRedisClient(settings: RedisSettings): RedisClient | undefined {
  const connection = {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: settings.commandTimeoutMs,
    connectTimeout: Math.max(1000, settings.commandTimeoutMs),
  };
  if (settings.clusterNodes.length > 0) {
    return new Cluster([...settings.clusterNodes], {
      enableOfflineQueue: false,
      enableAutoPipelining: true,
      clusterRetryStrategy: reconnectDelayMs,
      slotsRefreshTimeout: Math.max(1000, settings.commandTimeoutMs),
      redisOptions: connection,
    });
  }
  if (settings.sentinelName !== undefined) {
    return new Redis({
      ...connection,
      retryStrategy: reconnectDelayMs,
      enableAutoPipelining: true,
      sentinels: [...settings.sentinelNodes],
      name: settings.sentinelName,
      sentinelRetryStrategy: reconnectDelayMs,
    });
  }
  return settings.url === undefined
    ? undefined
    : new Redis(settings.url, { ...connection, retryStrategy: reconnectDelayMs, enableAutoPipelining: true });
}

/** A second connection for messages; it may wait for its server, and subscribes again by itself. */
export function createSubscriber(client: RedisClient): RedisClient {
  return client instanceof Cluster
    ? client.duplicate([], { enableOfflineQueue: true })
    : client.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null, autoResubscribe: true });
}
