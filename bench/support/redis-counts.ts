import { z } from 'zod';
import type { RedisServer } from '../../test/support/redis-server.ts';

/** What several Redis servers have done so far, or within a while, in sum. */
export interface RedisCounts {
  /** By the names of `INFO commandstats`. A script's own calls are counted besides the script. */
  readonly calls: ReadonlyMap<string, number>;
  /** User and system, of all of their threads. */
  readonly cpuSeconds: number;
  /** From clients, and to them; not what a cluster's nodes tell each other. */
  readonly networkBytes: number;
  readonly memoryBytes: number;
  /** When it was asked, as `performance.now()`; within a while, how long that was. */
  readonly atMs: number;
}

const numberOf = (info: string, field: string) =>
  Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(info)?.[1]);

export async function redisCounts(servers: readonly RedisServer[]): Promise<RedisCounts> {
  const infos = await Promise.all(servers.map(askFor));
  const calls = new Map<string, number>();
  for (const info of infos)
    for (const [, name = '', count] of info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm))
      calls.set(name, (calls.get(name) ?? 0) + Number(count));
  const sum = (...fields: readonly string[]) =>
    infos.reduce((total, info) => fields.reduce((each, field) => each + numberOf(info, field), total), 0);
  return {
    calls,
    cpuSeconds: sum('used_cpu_user', 'used_cpu_sys'),
    networkBytes: sum('total_net_input_bytes', 'total_net_output_bytes'),
    memoryBytes: sum('used_memory'),
    atMs: performance.now(),
  };
}

async function askFor(server: RedisServer): Promise<string> {
  const sections = ['commandstats', 'cpu', 'stats', 'memory'];
  return (
    await Promise.all(
      sections.map(async (section) => z.string().parse(await server.command('INFO', section))),
    )
  ).join('\n');
}

export function between(before: RedisCounts, after: RedisCounts): RedisCounts {
  return {
    calls: new Map([...after.calls].map(([name, count]) => [name, count - (before.calls.get(name) ?? 0)])),
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    networkBytes: after.networkBytes - before.networkBytes,
    memoryBytes: after.memoryBytes - before.memoryBytes,
    atMs: after.atMs - before.atMs,
  };
}
