import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';

export interface RedisCluster {
  readonly nodes: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}

interface Member {
  readonly server: RedisServer;
  readonly busPort: number;
}

const SLOTS = 16_384;
const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

/** A real cluster of masters without replicas on 127.0.0.1; resolves when every node says `cluster_state:ok`. */
export async function startRedisCluster({ masters = 3 } = {}): Promise<RedisCluster> {
  const starts = await Promise.allSettled(Array.from({ length: masters }, startMember));
  const members = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const servers = members.map(({ server }) => server);
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    await join(members);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes: servers.map(({ host, port }) => ({ host, port })), servers, stop };
}

async function startMember(): Promise<Member> {
  // By default the bus is at port + 10000, which for a high port doesn't exist.
  const busPort = await freePort();
  const cluster = [
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    `${busPort}`,
    '--cluster-node-timeout',
    '2000',
  ];
  return { server: await startRedisServer({ args: cluster }), busPort };
}

async function join(members: readonly Member[]): Promise<void> {
  const slotsEach = Math.ceil(SLOTS / members.length);
  for (const [index, { server }] of members.entries()) {
    const first = index * slotsEach;
    const last = Math.min(first + slotsEach, SLOTS) - 1;
    await server.command('CLUSTER', 'ADDSLOTSRANGE', `${first}`, `${last}`);
    await server.command('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`);
  }
  const [entrance, ...others] = members;
  for (const { server, busPort } of others) {
    await entrance?.server.command('CLUSTER', 'MEET', server.host, `${server.port}`, `${busPort}`);
  }
  const deadlineMs = Date.now() + READY_TIMEOUT_MS;
  for (const { server } of members) {
    while (!(await isReady(server, members.length))) {
      if (Date.now() > deadlineMs)
        throw new Error(`the Redis cluster is not ready after ${READY_TIMEOUT_MS} ms`);
      // Redis tells nobody when its state changes; it has to be asked.
      await sleep(POLL_MS);
    }
  }
}

async function isReady(server: RedisServer, size: number): Promise<boolean> {
  const info = z.string().parse(await server.command('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes(`cluster_size:${size}\r`);
}
