import { TLSSocket } from 'node:tls';
import { Cluster, type Redis } from 'ioredis';
import { createLocalOwners } from '../access/local-owners.ts';
import type { Owners } from '../access/ownership.ts';
import { createRedisOwners } from '../access/redis-owners.ts';
import { createFlightChannel } from '../cache/flight-channel.ts';
import { createLocalDeliveries } from '../cache/local-deliveries.ts';
import { createNewsChannel, type NewsListener } from '../cache/news-channel.ts';
import { createLocalOnce, createSharedOnce, type Once } from '../cache/once.ts';
import { createPurgeChannel } from '../cache/purge-channel.ts';
import { createRedisCache } from '../cache/redis-cache.ts';
import { createRedisClient, createSubscriber, type RedisClient } from '../cache/redis-client.ts';
import { createRedisDeliveries } from '../cache/redis-deliveries.ts';
import { createRedisGuard, type RedisGuard, type RedisOperation } from '../cache/redis-guard.ts';
import { createRedisProbe } from '../cache/redis-probe.ts';
import { createRedisWatches } from '../cache/redis-watches.ts';
import { watchSentinels } from '../cache/sentinel-watch.ts';
import { certificateExpiresAtMs } from '../certificate.ts';
import type { Config } from '../config.ts';
import type { HealthCheck } from '../http/serve-health.ts';
import { createSharedCounter } from '../limits/counter.ts';
import { createLocalDistinctNames, type DistinctNames } from '../limits/distinct-names.ts';
import type { LimitStore } from '../limits/limit-store.ts';
import { createLocalStore } from '../limits/local-store.ts';
import { createSettlingStore } from '../limits/settling-store.ts';
import { createSharedDistinctNames } from '../limits/shared-distinct-names.ts';
import type { Logger } from '../log.ts';
import { type Deliveries, REMEMBER_MS, replayMemoryMs } from '../lookup/deliveries.ts';
import type { Clock, SharedCache, SharedWatches } from '../lookup/ports.ts';
import type { Kind } from '../lookup/project.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { createRedisLog } from './redis-log.ts';

/** By how much a flight can outlast the upstream's deadline, with all that it asks Redis; a purge must win over it. */
const FLIGHT_MARGIN_MS = 5000;

/** Silence is what a subscriber mostly hears; an answer tells it from the silence of a connection that is dead. */
const HEARTBEAT_MS = 1000;

/** All that this service has in Redis; in this process alone where none is configured. */
export interface RedisParts {
  /** For what has no other place than Redis; `undefined` where none is configured. */
  readonly connection: { readonly client: RedisClient; readonly guard: RedisGuard } | undefined;
  readonly shared: SharedCache | undefined;
  readonly watches: SharedWatches | undefined;
  /** `undefined` where no webhooks are taken. */
  readonly deliveries: Deliveries | undefined;
  readonly owners: Owners;
  /** The proofs of DPoP that were seen. */
  readonly seenProofs: Once;
  /** Counts what a user asked for in vain, by the limit that is configured. */
  readonly notFoundNames: DistinctNames;
  /** Counts the hits of one policy, at most `max` in the window that is configured. */
  limitStore(policy: string, max: number): LimitStore;
  /** What kind of Redis there is; `undefined` where none is configured. */
  readonly topology: 'one server' | 'Sentinel' | 'Cluster' | undefined;
  up(): boolean;
  check: HealthCheck['run'];
  close(): Promise<void>;
}

export function openRedis(
  config: Config,
  deps: {
    readonly logger: Logger;
    readonly clock: Clock;
    readonly onFailed: (operation: RedisOperation) => void;
    /** Is told when the certificate ends that Redis showed, where it speaks TLS. */
    readonly onCertificate: (expiresAtMs: number) => void;
    readonly onPurge: (kind: Kind, id: string) => void;
    /** Is told of answers that other replicas stored; see `NewsChannel`. */
    readonly onNews: NewsListener;
    readonly tracing: Pick<Tracing, 'redis'>;
  },
): RedisParts {
  const { logger } = deps;
  const windowMs = config.rateLimit.windowSeconds * 1000;
  const memory = config.webhooks && { replayMemoryMs: replayMemoryMs(config.webhooks.toleranceSeconds) };
  const ownerTtlMs = config.auth.ownerTtlSeconds * 1000;
  const names = {
    max: config.rateLimit.notFoundMax,
    windowMs: config.rateLimit.notFoundWindowSeconds * 1000,
    clock: deps.clock,
  };
  const client = createRedisClient(config.redis);
  if (client === undefined) {
    logger.event('redis_not_configured');
    return {
      connection: undefined,
      shared: undefined,
      watches: undefined,
      deliveries: memory && createLocalDeliveries(memory),
      owners: createLocalOwners({ ttlMs: ownerTtlMs, clock: deps.clock }),
      seenProofs: createLocalOnce(deps.clock),
      notFoundNames: createLocalDistinctNames({ ...names, weight: 1 }),
      limitStore: (_policy, max) => createLocalStore({ max, windowMs, clock: deps.clock }),
      topology: undefined,
      up: () => false,
      check: () => ({ status: 'ok', detail: 'not configured' }),
      close: async () => undefined,
    };
  }

  const subscriber = createSubscriber(client, config.redis);
  const { keyPrefix, commandTimeoutMs } = config.redis;
  const log = createRedisLog(logger);
  const guard = deps.tracing.redis(
    createRedisGuard({
      probe: createRedisProbe(client, subscriber, `${keyPrefix}v1:probe`),
      commandTimeoutMs,
      events: {
        redisFailed: deps.onFailed,
        redisCameUp: log.cameUp,
        redisWentDown: log.wentDown,
      },
    }),
  );
  const tellReason = (error: unknown) => {
    if (!guard.up) log.unreachable(error);
  };
  client.on('error', tellReason);
  if (client instanceof Cluster) client.on('node error', tellReason);
  else client.on('ready', () => tellCertificate(client.stream, deps.onCertificate));
  // Without a listener ioredis writes each failed connection to the console.
  subscriber.on('error', () => undefined);
  const endWatch = watchSentinels(config.redis, () => {
    for (const connection of [client, subscriber])
      if (connection.status === 'ready') connection.disconnect(true);
  });
  const purges = createPurgeChannel({ client, guard, keyPrefix });
  purges.listen(subscriber, deps.onPurge);
  const news = createNewsChannel(keyPrefix);
  news.listen(subscriber, deps.onNews);
  const channel = createFlightChannel(keyPrefix);
  channel.listen(subscriber);
  const maxFlightMs = config.upstream.deadlineMs + FLIGHT_MARGIN_MS;
  const heartbeat = setInterval(() => subscriber.ping().catch(() => undefined), HEARTBEAT_MS);
  const count = createSharedCounter(client, guard, windowMs);

  return {
    connection: { client, guard },
    shared: createRedisCache({
      client,
      guard,
      keyPrefix,
      policy: config.cache,
      // A webhook can come later than any flight.
      purgeMarkMs: memory === undefined ? maxFlightMs : Math.max(maxFlightMs, REMEMBER_MS),
      rememberOverMs: memory === undefined ? 0 : REMEMBER_MS,
      announcePurge: purges.announce,
      news,
      flights: { channel, maxFlightMs },
    }),
    watches: createRedisWatches({ client, guard, keyPrefix }),
    deliveries:
      memory &&
      createRedisDeliveries({ client, guard, keyPrefix, ...memory, flightChannel: channel.name, news }),
    owners: createRedisOwners({ client, guard, keyPrefix, ttlMs: ownerTtlMs }),
    seenProofs: createSharedOnce({
      client,
      guard,
      keyPrefix: `${keyPrefix}v1:dpop:`,
      operation: 'dpop_proof',
      clock: deps.clock,
    }),
    notFoundNames: createSharedDistinctNames({
      client,
      guard,
      keyPrefix: `${keyPrefix}v1:not-found:`,
      ...names,
      whileAway: createLocalDistinctNames({ ...names, weight: config.rateLimit.expectedReplicas }),
    }),
    limitStore: (policy, max) =>
      createSettlingStore({
        count: (key, ...hits) => count(`${keyPrefix}v1:limit:${policy}:${key}`, ...hits),
        max,
        windowMs,
        replicas: config.rateLimit.expectedReplicas,
        clock: deps.clock,
      }),
    topology: topologyOf(client, config),
    up: () => guard.up,
    check: () => ({ status: guard.up ? 'ok' : 'degraded' }),
    async close() {
      guard.stop();
      clearInterval(heartbeat);
      endWatch();
      await Promise.all([client, subscriber].map(closeConnection));
    },
  };
}

function topologyOf(client: RedisClient, { redis }: Config): 'one server' | 'Sentinel' | 'Cluster' {
  if (client instanceof Cluster) return 'Cluster';
  return redis.sentinelName === undefined ? 'one server' : 'Sentinel';
}

function tellCertificate(stream: Redis['stream'], onCertificate: (expiresAtMs: number) => void): void {
  const expiresAtMs = stream instanceof TLSSocket ? certificateExpiresAtMs(stream) : undefined;
  if (expiresAtMs !== undefined) onCertificate(expiresAtMs);
}

/** Lets commands that were sent have their answers, if the server gives any. */
async function closeConnection(connection: RedisClient): Promise<void> {
  await connection.quit().catch(() => undefined);
  connection.disconnect();
}
