import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { endProcess } from './child-process.ts';
import { freePort } from './free-port.ts';
import { findRedisServer } from './redis-binary.ts';
import { redisCommand } from './redis-command.ts';
import { RedisStartError, spawnRedis } from './redis-process.ts';

export interface RedisServerOptions {
  /** More of the command line, for instance `['--maxmemory', '1mb']`. */
  readonly args?: readonly string[];
  /** Default: any free one. */
  readonly port?: number;
  readonly password?: string;
}

export interface RedisServer {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** `undefined` while it is stopped. */
  readonly pid: number | undefined;
  /** An orderly shutdown; also of a paused server. Removes its folder. */
  stop(): Promise<void>;
  /** SIGKILL; `restart()` brings it back. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, the kernel goes on accepting new ones, and nothing is answered. */
  pause(): void;
  resume(): void;
  /** Stops it where it runs and starts it again on the same port, empty. */
  restart(): Promise<void>;
  /** One command over a connection of its own; rejects within some seconds where none is answered. */
  command(name: string, ...args: string[]): Promise<unknown>;
  keys(pattern?: string): Promise<string[]>;
  /** All that is there, as text, by its keys. */
  contents(pattern?: string): Promise<ReadonlyMap<string, string>>;
  /** How often the server has run a command, by its name in `INFO commandstats`: `get`, `evalsha`, `config|get`. */
  commandCount(name: string): Promise<number>;
}

const HOST = '127.0.0.1';
const START_ATTEMPTS = 5;
/** What reads all of a key, by its type. */
const READS = new Map<string, readonly [string, ...string[]]>([
  ['string', ['GET']],
  ['hash', ['HGETALL']],
  ['list', ['LRANGE', '0', '-1']],
  ['set', ['SMEMBERS']],
  ['zset', ['ZRANGE', '0', '-1']],
]);

/** A real `redis-server` on 127.0.0.1 that keeps nothing on disk; resolves when it answers PING. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const binary = await findRedisServer();
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-redis-'));
  const { password } = options;
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  const started = await startOnSomePort(options.port, start).catch(async (error: unknown) => {
    await removeFolder();
    throw error;
  });
  const { port } = started;
  let child: ChildProcess | undefined = started.child;

  async function start(onPort: number): Promise<ChildProcess> {
    const fixed = [
      '--port',
      `${onPort}`,
      '--bind',
      HOST,
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'no',
    ];
    const secret = password === undefined ? [] : ['--requirepass', password];
    return spawnRedis(binary, [...fixed, ...secret, ...(options.args ?? [])]);
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (child !== undefined) await endProcess(child, signal);
    child = undefined;
  }

  function command(name: string, ...args: string[]): Promise<unknown> {
    return redisCommand({ host: HOST, port, ...(password !== undefined && { password }) }, [name, ...args]);
  }

  const keys = async (pattern = '*') => z.array(z.string()).parse(await command('KEYS', pattern));
  const server: RedisServer = {
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${HOST}:${port}`,
    host: HOST,
    port,
    get pid() {
      return child?.pid;
    },
    stop: async () => {
      await end('SIGTERM');
      await removeFolder();
    },
    kill: () => end('SIGKILL'),
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    restart: async () => {
      await end('SIGTERM');
      child = await start(port);
      await command('PING');
    },
    command,
    keys,
    async contents(pattern) {
      const contents = new Map<string, string>();
      for (const key of await keys(pattern)) {
        const read = READS.get(z.string().parse(await command('TYPE', key)));
        // It may have ended meanwhile.
        if (read !== undefined) contents.set(key, String(await command(read[0], key, ...read.slice(1))));
      }
      return contents;
    },
    commandCount: async (name) => {
      const stats = z.string().parse(await command('INFO', 'commandstats'));
      const line = stats.split('\r\n').find((each) => each.startsWith(`cmdstat_${name.toLowerCase()}:`));
      return Number(/calls=(\d+)/.exec(line ?? '')?.[1] ?? 0);
    },
  };
  await command('PING');
  return server;
}

/** Between finding a free port and listening on it somebody else can take it. */
async function startOnSomePort(
  wantedPort: number | undefined,
  start: (port: number) => Promise<ChildProcess>,
): Promise<{ port: number; child: ChildProcess }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = wantedPort ?? (await freePort());
    try {
      return { port, child: await start(port) };
    } catch (error) {
      const mayRetry =
        error instanceof RedisStartError && error.code === 'PORT_TAKEN' && wantedPort === undefined;
      if (!mayRetry || attempt === START_ATTEMPTS) throw error;
    }
  }
}
