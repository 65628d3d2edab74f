import { Cluster, Redis } from 'ioredis';

export type RedisClient = Redis | Cluster;

interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

export interface RedisSettings {
  readonly url: string | undefined;
  readonly clusterNodes: readonly NodeAddress[];
  readonly sentinelNodes: readonly NodeAddress[];
  readonly sentinelName: string | undefined;
  readonly commandTimeoutMs: number;
}

/** A server that answers again is found again in a fraction of a second. */
const MAX_RECONNECT_DELAY_MS = 500;

/**
 * A cluster's client would try a command again for seconds where a node is gone, also one that may have been carried out.
 * Only a redirection is followed, since it says that nothing was done; and not in pipelines, whose commands share a fate.
 */
const ONE_TRY = {
  enableAutoPipelining: false,
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
  retryDelayOnTryAgain: 0,
  maxRedirections: 3,
};

/** Grows to a limit, with jitter so that a fleet doesn't come back in step. */
export function reconnectDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 5), MAX_RECONNECT_DELAY_MS) * (0.75 + Math.random() / 2);
}

export function connectionOptions({ commandTimeoutMs }: RedisSettings) {
  return {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    connectTimeout: Math.max(1000, commandTimeoutMs),
    // Without it a connection whose other end has vanished is kept until the kernel gives up, a quarter of an hour later.
    socketTimeout: 2 * commandTimeoutMs,
    // A server that hangs doesn't hang up either; ioredis would give it two seconds before it looks for another.
    disconnectTimeout: 100,
    // A master that became a replica keeps its connections; the address may lead to another one by now.
    reconnectOnError: (error: Error) => /\bREADONLY\b/.test(error.message),
  };
}

/**
 * A client of one server, a Sentinel group or a cluster; `undefined` where no Redis is configured.
 *
 * A command fails within `commandTimeoutMs` or at once: nothing is queued while there is no connection and nothing is
 * sent again, since whoever waits for Redis here is better served without it.
 */
export function createRedisClient(settings: RedisSettings): RedisClient | undefined {
  const connection = connectionOptions(settings);
  if (settings.clusterNodes.length > 0) {
    return new Cluster([...settings.clusterNodes], {
      ...ONE_TRY,
      enableOfflineQueue: false,
      clusterRetryStrategy: reconnectDelayMs,
      slotsRefreshTimeout: connection.connectTimeout,
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
      // Without it a Sentinel that hangs is asked for ever, whatever the others know.
      sentinelCommandTimeout: settings.commandTimeoutMs,
    });
  }
  return settings.url === undefined
    ? undefined
    : new Redis(settings.url, { ...connection, retryStrategy: reconnectDelayMs, enableAutoPipelining: true });
}

/**
 * A second connection for messages. Whoever listens subscribes on each `ready`: ioredis' own way doesn't look whether that
 * worked, and where it didn't, the rejection would end the process.
 *
 * In a cluster every node hears every message, so it stays with one while that answers, and then takes another. (ioredis' own
 * subscriber of a cluster waits for ever for a node that hangs, and takes a whole core to look for one while there is none.)
 */
export function createSubscriber(client: RedisClient, settings: RedisSettings): Redis {
  if (client instanceof Cluster) return onAnyNode(client, settings);
  const subscriber = client.duplicate({ autoResubscribe: false });
  // It gives no commands by which it would learn that its server is no longer the one that purges are published at.
  client.on('close', () => {
    if (subscriber.status === 'ready') subscriber.disconnect(true);
  });
  return subscriber;
}

function onAnyNode(cluster: Cluster, settings: RedisSettings): Redis {
  function anyNode(): NodeAddress {
    const known = cluster.nodes().map(({ options: { host = '', port = 0 } }) => ({ host, port }));
    const nodes = known.length > 0 ? known : settings.clusterNodes;
    return nodes[Math.floor(Math.random() * nodes.length)] ?? { host: '', port: 0 };
  }
  const subscriber = new Redis({
    ...connectionOptions(settings),
    ...anyNode(),
    autoResubscribe: false,
    retryStrategy(attempt: number) {
      Object.assign(subscriber.options, anyNode());
      return reconnectDelayMs(attempt);
    },
  });
  return subscriber;
}
