import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisTopology } from '../../test/support/redis-topology.ts';
import type { TokenIssuer } from '../../test/support/token-issuer.ts';
import { type ConnectionPool, createConnectionPool } from './connection-pool.ts';
import { type ServiceContender, type ServiceSettings, startServiceContender } from './contender.ts';
import { cpuSeconds } from './process-facts.ts';
import { scrape } from './scrape.ts';

const REDIS_PATIENCE_MS = 20_000;
const POLL_MS = 20;

/** Replicas of the service over one Redis, with its defaults for both limits. */
export interface ServiceFleet extends AsyncDisposable {
  readonly size: number;
  /** Aborted when one of its processes is gone. */
  readonly gone: AbortSignal;
  /** @param replica counted round */
  send(replica: number, request: Buffer): Promise<number>;
  /** Used so far by all of its processes. */
  cpuSeconds(): number;
  /** The sum of a metric's series over all replicas. */
  metric(name: string, labels?: string): Promise<number>;
}

export async function startServiceFleet(
  size: number,
  parts: {
    readonly redis: RedisTopology;
    readonly upstream: ServiceSettings['upstream'];
    readonly issuer: TokenIssuer;
  },
): Promise<ServiceFleet> {
  const { redis, upstream, issuer } = parts;
  await using stack = new AsyncDisposableStack();
  const replicas: Array<{ readonly service: ServiceContender; readonly pool: ConnectionPool }> = [];
  for (let n = 0; n < size; n += 1) {
    const service = stack.use(
      await startServiceContender(`replica ${n}`, {
        upstream,
        issuer,
        logFile: '/dev/null',
        limit: 600,
        env: {
          ...redis.env,
          RATE_LIMIT_IP_MAX: '6000',
          RATE_LIMIT_EXPECTED_REPLICAS: `${size}`,
          // Each user has an address, as behind a load balancer.
          TRUST_PROXY: '127.0.0.1',
          // A machine that stands still for a moment must not look like a Redis that is away or an upstream that is slow.
          REDIS_COMMAND_TIMEOUT_MS: '10000',
          UPSTREAM_MAX_QUEUE: '10000',
        },
      }),
    );
    replicas.push({ service, pool: stack.use(createConnectionPool(service.url)) });
  }
  for (const { service } of replicas) await redisUp(service);
  const started = stack.move();
  return {
    size,
    gone: AbortSignal.any(replicas.map(({ service }) => service.gone)),
    async send(replica, request) {
      const pool = replicas[replica % size]?.pool;
      if (pool === undefined) throw new Error('there is no such replica');
      return pool.send(request);
    },
    cpuSeconds: () => replicas.reduce((sum, { service }) => sum + cpuSeconds(service.pid), 0),
    async metric(name, labels) {
      const metrics = await Promise.all(replicas.map(({ service }) => scrape(service.opsUrl)));
      return metrics.reduce((sum, metric) => sum + metric(name, labels), 0);
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** It is ready without Redis, too, and counts for itself until it has reached it. */
async function redisUp({ opsUrl, gone }: ServiceContender): Promise<void> {
  const deadline = AbortSignal.any([gone, AbortSignal.timeout(REDIS_PATIENCE_MS)]);
  while ((await scrape(opsUrl))('redis_up') !== 1) await sleep(POLL_MS, undefined, { signal: deadline });
}
