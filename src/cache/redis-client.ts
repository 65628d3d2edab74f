import { Cluster, Redis } from 'ioredis';

export type RedisClient = Redis | Cluster;

export interface RedisSettings {
  readonly url: string | undefined;
  readonly clusterNodes: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  readonly sentinelNodes: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  readonly sentinelName: string | undefined;
  readonly commandTimeoutMs: number;
}

/** A server that answers again is found again in a fraction of a second. */
const MAX_RECONNECT_DELAY_MS = 500;

/** Grows to a limit, with jitter so that a fleet doesn't come back in step. */
function reconnectDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 5), MAX_RECONNECT_DELAY_MS) * (0.75 + Math.random() / 2);
}

/**
 * A client of one server, a Sentinel group or a cluster; `undefined` where no Redis is configured.
 *
 * A command fails within `commandTimeoutMs` or at once: nothing is queued while there is no connection and nothing is
 * sent again, since whoever waits for Redis here is better served without it.
 */
export function createRedisClient(settings: RedisSettings): RedisClient | undefined {
  const patienceMs = Math.max(1000, settings.commandTimeoutMs);
  const connection = {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: settings.commandTimeoutMs,
    connectTimeout: patienceMs,
    // Without it a connection whose other end has vanished is kept until the kernel gives up, a quarter of an hour later.
    socketTimeout: 2 * settings.commandTimeoutMs,
    // A master that became a replica keeps its connections; the address may lead to another one by now.
    reconnectOnError: (error: Error) => /\bREADONLY\b/.test(error.message),
  };
  if (settings.clusterNodes.length > 0) {
    return new Cluster([...settings.clusterNodes], {
      enableOfflineQueue: false,
      enableAutoPipelining: true,
      clusterRetryStrategy: reconnectDelayMs,
      slotsRefreshTimeout: patienceMs,
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

/**
 * A second connection for messages. Whoever listens subscribes on each `ready`: ioredis' own way doesn't look whether that
 * worked, and where it didn't, the rejection would end the process.
 */
export function createSubscriber(client: RedisClient): RedisClient {
  return client instanceof Cluster ? client.duplicate() : client.duplicate({ autoResubscribe: false });
}
