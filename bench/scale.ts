import { type RedisCluster, startRedisCluster } from '../test/support/redis-cluster.ts';
import { type Cell, type CellOptions, measureCell } from './scale-cell.ts';
import { type Crowd, finishedId, type Traffic, type User, usersOf } from './support/fleet-traffic.ts';
import { walk } from './support/fleet-walk.ts';
import { type MessageCost, measureMessages } from './support/flight-messages.ts';
import { redisCounts } from './support/redis-counts.ts';
import { type Idle, type Work, watchIdle } from './support/redis-work-meter.ts';
import { type RenderingStub, startRenderingStub } from './support/rendering-stub.ts';
import { startServiceFleet } from './support/service-fleet.ts';
import type { Surroundings } from './support/surroundings.ts';

/** Fewer lookups each than half of their limit, in the fullest walk. */
const WALKERS = 400;
const UPSTREAM_LATENCY_MS = 50;
const KEY_OF_A_PROJECT = `mhbff:v1:{image:${finishedId(7)}}`;

export interface ScaleOptions extends CellOptions {
  /** Finished projects in Redis. */
  readonly cached: readonly [few: number, many: number];
  readonly crowd: Readonly<Record<keyof Crowd, number>>;
  readonly idleSeconds: number;
  readonly hotLookups: number;
  readonly messages: number;
}

const FLEETS = [1, 2, 4];

/** What was measured of one fleet that was started. */
export interface FleetFigures {
  readonly replicas: number;
  /** Finished projects in Redis. */
  readonly cached: number;
  readonly idle: Idle;
  /** Lookups of each of them, once: misses of the first fleet, read again from Redis by the others. */
  readonly filling: Work;
  /** Lookups of what memory holds. */
  readonly hot: Work;
  readonly message: MessageCost;
  readonly cells: readonly Cell[];
}

export interface ScaleFigures {
  readonly bodyBytes: number;
  readonly fleets: readonly FleetFigures[];
  /** What a project takes of all of Redis' memory, and by its own `MEMORY USAGE`. */
  readonly memoryBytes: number;
  readonly usageBytes: number;
}

interface Ground extends Pick<Surroundings, 'issuer' | 'signal'> {
  readonly options: ScaleOptions;
  readonly upstream: RenderingStub;
  readonly redis: RedisCluster;
  readonly crowd: Crowd;
  /** Those who see to it that projects are cached. */
  readonly walkers: readonly User[];
}

/** What a fleet's lookups cost a cluster of three masters, by replicas and by cached projects. */
export async function measureScale(surroundings: Surroundings, options: ScaleOptions): Promise<ScaleFigures> {
  const { issuer, signal } = surroundings;
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startRenderingStub(UPSTREAM_LATENCY_MS));
  const redis = await startRedisCluster();
  stack.defer(() => redis.stop());
  const crowd = {
    quick: await usersOf(issuer, options.crowd.quick, 'quick'),
    slow: await usersOf(issuer, options.crowd.slow, 'slow'),
    finished: await usersOf(issuer, options.crowd.finished, 'finished'),
  };
  const walkers = await usersOf(issuer, WALKERS, 'of-walks');
  const ground = { issuer, signal, options, upstream, redis, crowd, walkers };

  const fleets: FleetFigures[] = [];
  const emptyBytes = (await redisCounts(redis.servers)).memoryBytes;
  for (const cached of options.cached) {
    for (const { master } of redis.shards) await master.command('FLUSHALL');
    for (const replicas of FLEETS) fleets.push(await measureFleet(ground, replicas, cached));
  }
  const fullBytes = (await redisCounts(redis.servers)).memoryBytes;
  return {
    bodyBytes: upstream.bodyBytes,
    fleets,
    memoryBytes: (fullBytes - emptyBytes) / options.cached[1],
    usageBytes: await usageBytes(redis),
  };
}

async function measureFleet(ground: Ground, replicas: number, cached: number): Promise<FleetFigures> {
  const { redis, options, walkers } = ground;
  await using fleet = await startServiceFleet(replicas, ground);
  const signal = AbortSignal.any([ground.signal, fleet.gone]);
  const idle = await watchIdle(fleet, redis.servers, options.idleSeconds, signal);
  const meter = { fleet, servers: redis.servers, idle };
  const filling = await walk(meter, walkers, { lookups: cached, projects: cached, signal });
  const hot = await walk(meter, walkers, {
    lookups: options.hotLookups,
    projects: options.cached[0],
    signal,
  });
  const message = await measureMessages(meter, options.messages);
  const cells: Cell[] = [];
  for (const traffic of trafficsOf(replicas, cached, options)) {
    const cell = await measureCell({ ...ground, meter, signal }, { cached, ...traffic }, options);
    const { commands, redisMicroseconds } = cell.work;
    const found = `${commands.toFixed(3)} commands, ${redisMicroseconds.toFixed(1)} µs`;
    process.stderr.write(`bench: scale, ${replicas} replicas, ${JSON.stringify(traffic)}: ${found}\n`);
    cells.push(cell);
  }
  const failures = await fleet.metric('redis_errors_total');
  if (failures > 0) throw new Error(`${failures} Redis commands failed`);
  return { replicas, cached, idle, filling, hot, message, cells };
}

function trafficsOf(replicas: number, cached: number, { cached: [few, many] }: ScaleOptions): Traffic[] {
  const alike = { watchers: 1, finishedProjects: few };
  const kept: Traffic = { routing: 'kept', ...alike };
  const spread: Traffic = { routing: 'spread', ...alike };
  // With one replica both are the same.
  const plain = replicas === 1 ? [kept] : [kept, spread];
  if (cached !== many || replicas === 2) return plain;
  return [...plain, { ...spread, watchers: 4 }, { ...spread, finishedProjects: many }];
}

async function usageBytes({ servers }: RedisCluster): Promise<number> {
  const slot = (server: (typeof servers)[number]) =>
    server.command('MEMORY', 'USAGE', KEY_OF_A_PROJECT, 'SAMPLES', '0');
  // All but one say that it isn't theirs.
  return Number(await Promise.any(servers.map(slot)));
}
