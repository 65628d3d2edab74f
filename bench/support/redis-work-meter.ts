import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../../test/support/redis-server.ts';
import { between, type RedisCounts, redisCounts } from './redis-counts.ts';
import type { ServiceFleet } from './service-fleet.ts';

/** What a lookup costs on average. */
export interface Work {
  readonly lookups: number;
  readonly seconds: number;
  /** Of the service, all replicas in sum. */
  readonly serviceMicroseconds: number;
  /** Of all Redis servers in sum, without what they use with nothing to do. */
  readonly redisMicroseconds: number;
  /** Commands that the service sends; a script is one. */
  readonly commands: number;
  /** Of these: scripts that read a project, that end a flight (with or without an answer to store), that count limits. */
  readonly reads: number;
  readonly stores: number;
  readonly counts: number;
  /** Messages to replicas that wait, out of scripts. */
  readonly messages: number;
  /** Between the service and Redis, both ways. */
  readonly networkBytes: number;
}

/** What goes on with no lookups at all. */
export interface Idle {
  readonly redisCpuShare: number;
  /** Commands per second and replica, by name. */
  readonly commands: ReadonlyMap<string, number>;
}

export interface Meter {
  readonly fleet: ServiceFleet;
  readonly servers: readonly RedisServer[];
  readonly idle: Idle;
}

/** `INFO` and what a connection begins with are the benchmark's own. */
const OWN = new Set(['info', 'hello', 'client|setinfo', 'memory|usage', 'flushall', 'command']);

export async function watchIdle(
  fleet: ServiceFleet,
  servers: readonly RedisServer[],
  seconds: number,
  signal: AbortSignal,
): Promise<Idle> {
  const before = await redisCounts(servers);
  await sleep(seconds * 1000, undefined, { signal });
  const during = between(before, await redisCounts(servers));
  const each = (count: number) => count / (during.atMs / 1000) / fleet.size;
  const commands = [...during.calls].filter(([name, count]) => count > 0 && !OWN.has(name));
  return {
    redisCpuShare: during.cpuSeconds / (during.atMs / 1000),
    commands: new Map(commands.map(([name, count]) => [name, each(count)])),
  };
}

interface Moment {
  readonly redis: RedisCounts;
  readonly serviceSeconds: number;
  readonly lookups: number;
}

export async function moment({ fleet, servers }: Meter, lookups: number): Promise<Moment> {
  return { redis: await redisCounts(servers), serviceSeconds: fleet.cpuSeconds(), lookups };
}

export function workBetween({ idle }: Pick<Meter, 'idle'>, before: Moment, after: Moment): Work {
  const { calls, cpuSeconds, networkBytes, atMs } = between(before.redis, after.redis);
  const lookups = after.lookups - before.lookups;
  const seconds = atMs / 1000;
  const of = (...names: readonly string[]) => names.reduce((sum, name) => sum + (calls.get(name) ?? 0), 0);
  // By what scripts call (redis-cache-scripts.ts, limits/counter.ts): all of the cache's MGET, and those that end a flight DEL.
  const scripts = of('evalsha', 'eval');
  return {
    lookups,
    seconds,
    serviceMicroseconds: ((after.serviceSeconds - before.serviceSeconds) * 1e6) / lookups,
    redisMicroseconds: ((cpuSeconds - idle.redisCpuShare * seconds) * 1e6) / lookups,
    commands: scripts / lookups,
    reads: (of('mget') - of('del')) / lookups,
    stores: of('del') / lookups,
    counts: (scripts - of('mget')) / lookups,
    messages: of('publish') / lookups,
    networkBytes: networkBytes / lookups,
  };
}
