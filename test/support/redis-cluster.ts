import { z } from 'zod';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import type { RedisTopology } from './redis-topology.ts';
import { eventually } from './stack.ts';

export interface RedisCluster extends RedisTopology {
  readonly nodes: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  /** The masters of the beginning, each with its replicas; a failover exchanges their roles. */
  readonly shards: readonly ClusterShard[];
}

export interface ClusterShard {
  readonly master: RedisServer;
  readonly replicas: readonly RedisServer[];
}

export interface RedisClusterOptions {
  readonly masters?: number;
  readonly replicasEach?: number;
  /** How long a node may be silent before the others take it for dead. */
  readonly nodeTimeoutMs?: number;
  /** More of each node's command line. */
  readonly args?: readonly string[];
}

interface Member {
  readonly server: RedisServer;
  readonly busPort: number;
}

const SLOTS = 16_384;
const READY_TIMEOUT_MS = 20_000;

/** A real cluster on 127.0.0.1; resolves when every node says `cluster_state:ok` and every replica has its copy. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicasEach = 0, nodeTimeoutMs = 2000, args = [] } = options;
  const size = masters * (1 + replicasEach);
  const starts = await Promise.allSettled(
    Array.from({ length: size }, () => startMember(nodeTimeoutMs, args)),
  );
  const members = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const servers = members.map(({ server }) => server);
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  const shards = servers.slice(0, masters).map((master, at) => ({
    master,
    replicas: servers.slice(masters).filter((_replica, n) => n % masters === at),
  }));
  try {
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    await join(members, shards);
  } catch (error) {
    await stop();
    throw error;
  }
  const nodes = servers.map(({ host, port }) => ({ host, port }));
  const env = { REDIS_CLUSTER_NODES: nodes.map(({ host, port }) => `${host}:${port}`).join(',') };
  return { nodes, servers, shards, env, stop };
}

/** Whether this node takes itself for a master. */
export async function isMaster(server: RedisServer): Promise<boolean> {
  return z
    .string()
    .parse(await server.command('INFO', 'replication'))
    .includes('role:master');
}

/** Whether this node says that the cluster serves every slot. */
export async function isClusterOk(server: RedisServer): Promise<boolean> {
  return z
    .string()
    .parse(await server.command('CLUSTER', 'INFO'))
    .includes('cluster_state:ok');
}

async function startMember(nodeTimeoutMs: number, args: readonly string[]): Promise<Member> {
  // By default the bus is at port + 10000, which for a high port doesn't exist.
  const busPort = await freePort();
  const settings = {
    '--cluster-enabled': 'yes',
    '--cluster-port': `${busPort}`,
    '--cluster-node-timeout': `${nodeTimeoutMs}`,
    // A replica may take over however long it was without its master.
    '--cluster-replica-validity-factor': '0',
    '--repl-diskless-sync-delay': '0',
  };
  return { server: await startRedisServer({ args: [...Object.entries(settings).flat(), ...args] }), busPort };
}

async function join(members: readonly Member[], shards: readonly ClusterShard[]): Promise<void> {
  const slotsEach = Math.ceil(SLOTS / shards.length);
  for (const [index, { master }] of shards.entries()) {
    const first = index * slotsEach;
    const last = Math.min(first + slotsEach, SLOTS) - 1;
    await master.command('CLUSTER', 'ADDSLOTSRANGE', `${first}`, `${last}`);
  }
  for (const [index, { server }] of members.entries())
    await server.command('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`);
  const [entrance, ...others] = members;
  for (const { server, busPort } of others) {
    await entrance?.server.command('CLUSTER', 'MEET', server.host, `${server.port}`, `${busPort}`);
  }
  const everyServer = members.map(({ server }) => server);
  await allBecome(everyServer, (server) => isReady(server, members.length, shards.length));
  for (const { master, replicas } of shards) {
    const id = z.string().parse(await master.command('CLUSTER', 'MYID'));
    for (const replica of replicas) await replica.command('CLUSTER', 'REPLICATE', id);
  }
  await allBecome(
    shards.flatMap(({ replicas }) => replicas),
    isSynchronized,
  );
  // A replica that has received nothing yet is not named to clients.
  for (const { master } of shards) await master.command('FLUSHALL');
  const replicasEach = members.length / shards.length - 1;
  await allBecome(everyServer, (server) => namesReplicas(server, replicasEach));
}

/** Redis tells nobody when its state changes; it has to be asked. */
function allBecome(
  servers: readonly RedisServer[],
  is: (server: RedisServer) => Promise<boolean>,
): Promise<void> {
  return eventually(async () => (await Promise.all(servers.map(is))).every(Boolean), READY_TIMEOUT_MS);
}

async function isReady(server: RedisServer, members: number, masters: number): Promise<boolean> {
  const info = z.string().parse(await server.command('CLUSTER', 'INFO'));
  return [`cluster_state:ok`, `cluster_size:${masters}`, `cluster_known_nodes:${members}`].every((line) =>
    info.includes(`${line}\r`),
  );
}

async function isSynchronized(replica: RedisServer): Promise<boolean> {
  return z
    .string()
    .parse(await replica.command('INFO', 'replication'))
    .includes('master_link_status:up');
}

/** Whether it names the replicas of each range of slots to clients. */
async function namesReplicas(server: RedisServer, each: number): Promise<boolean> {
  const ranges = z.array(z.array(z.unknown())).parse(await server.command('CLUSTER', 'SLOTS'));
  return ranges.every(([_first, _last, _master, ...replicas]) => replicas.length === each);
}
