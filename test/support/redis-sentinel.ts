import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { endProcess } from './child-process.ts';
import { freePort } from './free-port.ts';
import { findRedisServer } from './redis-binary.ts';
import { redisCommand } from './redis-command.ts';
import { spawnRedis } from './redis-process.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import type { RedisTopology } from './redis-topology.ts';
import { eventually } from './stack.ts';

export interface Sentinel {
  readonly host: string;
  readonly port: number;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
  command(name: string, ...args: string[]): Promise<unknown>;
}

export interface SentinelRedis extends RedisTopology {
  readonly sentinels: readonly Sentinel[];
  /** The server that a majority of the Sentinels takes for the master; `undefined` while none does. */
  master(): Promise<RedisServer | undefined>;
  /** Whether there is one master, as the Sentinels say, and the other server is its replica and has its data. */
  isSettled(): Promise<boolean>;
  /** A switch that nothing forced; resolves when it is done. */
  failover(): Promise<void>;
}

const HOST = '127.0.0.1';
const MASTER_NAME = 'recognisable-master-name';
const DOWN_AFTER_MS = 600;
const READY_TIMEOUT_MS = 20_000;
/** A master waits five seconds for more replicas before it sends the first its copy. */
const AT_ONCE = ['--repl-diskless-sync-delay', '0'];
/** What Sentinel does every 10, 2 and 1 seconds, so that its tests need not wait for it. */
const QUICK_PERIODS = ['info-period', '500', 'publish-period', '200', 'ask-period', '200'];

/** A real master with a replica, watched by three Sentinels of which two must agree. */
export async function startSentinelRedis(): Promise<SentinelRedis> {
  const started: Array<{ stop(): Promise<void> }> = [];
  const stop = async () => {
    await Promise.all(started.map((each) => each.stop()));
  };
  async function keep<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
    const each = await starting;
    started.push(each);
    return each;
  }

  try {
    const first = await keep(startRedisServer({ args: AT_ONCE }));
    const replicaOf = ['--replicaof', HOST, `${first.port}`];
    const replica = await keep(startRedisServer({ args: [...AT_ONCE, ...replicaOf] }));
    const servers = [first, replica];
    const sentinels: Sentinel[] = [];
    for (let n = 0; n < 3; n += 1) sentinels.push(await keep(startSentinel(first.port)));
    const group = { servers, sentinels };
    await Promise.all(sentinels.map((each) => each.command('SENTINEL', 'DEBUG', ...QUICK_PERIODS)));
    await eventually(
      async () => (await Promise.all(sentinels.map(isReady))).every(Boolean),
      READY_TIMEOUT_MS,
    );
    return {
      ...group,
      env: {
        REDIS_SENTINEL_NODES: sentinels.map(({ host, port }) => `${host}:${port}`).join(','),
        REDIS_SENTINEL_NAME: MASTER_NAME,
      },
      master: () => masterOf(group),
      isSettled: () => isSettled(group),
      async failover() {
        const before = await masterOf(group);
        const next = servers.find((server) => server !== before);
        await sentinels[0]?.command('SENTINEL', 'FAILOVER', MASTER_NAME);
        await eventually(async () => (await masterOf(group)) === next, READY_TIMEOUT_MS);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startSentinel(masterPort: number): Promise<Sentinel> {
  const binary = await findRedisServer();
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-sentinel-'));
  const port = await freePort();
  // A Sentinel keeps what it learns in its configuration, so it needs a file of its own.
  const file = join(folder, 'sentinel.conf');
  const watch = (option: string, value: number) => `sentinel ${option} ${MASTER_NAME} ${value}`;
  const lines = [
    `port ${port}`,
    `bind ${HOST}`,
    `dir ${folder}`,
    `sentinel monitor ${MASTER_NAME} ${HOST} ${masterPort} 2`,
    watch('down-after-milliseconds', DOWN_AFTER_MS),
    // After a failover, none is begun for twice as long.
    watch('failover-timeout', 1500),
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const child = await spawnRedis(binary, [file, '--sentinel'], '+monitor master').catch(
    async (error: unknown) => {
      await rm(folder, { recursive: true, force: true });
      throw error;
    },
  );
  return sentinelOf(child, port, folder);
}

function sentinelOf(child: ChildProcess, port: number, folder: string): Sentinel {
  return {
    host: HOST,
    port,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async stop() {
      await endProcess(child, 'SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
    command: (name, ...args) => redisCommand({ host: HOST, port }, [name, ...args]),
  };
}

/** Names and values in turn. */
const factsSchema = z
  .array(z.string())
  .transform((list) => new Map(list.flatMap((name, at) => (at % 2 ? [] : [[name, list[at + 1]] as const]))));

/** Whether it knows of its two fellows and of the replica, which it has spoken to. */
async function isReady(sentinel: Sentinel): Promise<boolean> {
  const reply = await sentinel.command('SENTINEL', 'MASTER', MASTER_NAME);
  const facts = factsSchema.parse(reply);
  if (facts.get('num-other-sentinels') !== '2' || facts.get('num-slaves') !== '1') return false;
  const replicas = z.array(factsSchema).parse(await sentinel.command('SENTINEL', 'REPLICAS', MASTER_NAME));
  return replicas.every((each) => each.get('master-link-status') === 'ok' && each.get('flags') === 'slave');
}

async function isSettled(group: Pick<SentinelRedis, 'servers' | 'sentinels'>): Promise<boolean> {
  const master = await masterOf(group);
  // A server whose role a Sentinel changes has all its connections closed, this one too.
  const roles = await Promise.allSettled(group.servers.map((server) => server.command('ROLE')));
  return group.servers.every((server, at) => {
    const reply = roles[at];
    const [role, , , link] = reply?.status === 'fulfilled' ? z.array(z.unknown()).parse(reply.value) : [];
    return server === master ? role === 'master' : role === 'slave' && link === 'connected';
  });
}

async function masterOf({
  servers,
  sentinels,
}: Pick<SentinelRedis, 'servers' | 'sentinels'>): Promise<RedisServer | undefined> {
  const replies = await Promise.allSettled(
    sentinels.map((each) => each.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)),
  );
  const ports = replies.flatMap((reply) =>
    reply.status === 'fulfilled' ? [Number(z.tuple([z.string(), z.string()]).parse(reply.value)[1])] : [],
  );
  return servers.find(({ port }) => ports.filter((each) => each === port).length >= 2);
}
