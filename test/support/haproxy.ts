import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { findOrInstall } from './debian-program.ts';
import { freePort } from './free-port.ts';

export interface Replica {
  readonly publicPort: number;
  readonly opsPort: number;
}

export interface HaProxy {
  readonly url: string;
  /** Names of the replicas that it sends requests to: `r0`, `r1` … in the order in which they were told. */
  up(): Promise<string[]>;
  stop(): Promise<void>;
}

const CHECK_INTERVAL_MS = 200;
/** One check that came late on a busy machine means nothing. */
const CHECKS_TO_FALL = 3;
/** How long a replica must go on serving once it says that it is not ready; see SHUTDOWN_DELAY_SECONDS. */
export const NOTICED_WITHIN_SECONDS = 2;

/** A real HAProxy before replicas, set up as docs/operations.md recommends. */
export async function startHaProxy(replicas: readonly Replica[]): Promise<HaProxy> {
  const program = await findOrInstall('haproxy', 'HAProxy');
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-haproxy-'));
  const port = await freePort();
  const socketPath = join(folder, 'stats');
  const configPath = join(folder, 'haproxy.cfg');
  await writeFile(configPath, configuration(port, socketPath, replicas));
  const child = spawn(program, ['-db', '-f', configPath], { stdio: ['ignore', 'ignore', 'pipe'] });
  const stopWithParent = () => void child.kill('SIGKILL');
  process.once('exit', stopWithParent);
  child.once('exit', () => process.off('exit', stopWithParent));
  return {
    url: `http://127.0.0.1:${port}`,
    // It opens its socket a moment after it began.
    up: async () => serversUp(await ask(socketPath, 'show stat').catch(() => '')),
    async stop() {
      await end(child);
      await rm(folder, { recursive: true });
    },
  };
}

function configuration(port: number, socketPath: string, replicas: readonly Replica[]): string {
  const servers = replicas.map(
    ({ publicPort, opsPort }, n) =>
      `  server r${n} 127.0.0.1:${publicPort} check port ${opsPort} inter ${CHECK_INTERVAL_MS}ms fall ${CHECKS_TO_FALL} rise 1`,
  );
  return [
    'global',
    `  stats socket ${socketPath} mode 600 level user`,
    'defaults',
    '  mode http',
    '  timeout connect 1s',
    '  timeout client 30s',
    // Longer than the longest wait of a lookup, so that the service words the answer.
    '  timeout server 75s',
    '  timeout check 2s',
    'frontend public',
    `  bind 127.0.0.1:${port}`,
    '  default_backend bff',
    'backend bff',
    '  balance roundrobin',
    // Readiness is on the ops listener; a replica that stops says so there first.
    '  option httpchk GET /readyz',
    '  http-check expect status 200',
    ...servers,
    '',
  ].join('\n');
}

async function ask(socketPath: string, command: string): Promise<string> {
  const socket = connect(socketPath);
  socket.write(`${command}\n`);
  return text(socket);
}

/** The first two columns name proxy and server, the eighteenth its status. */
function serversUp(csv: string): string[] {
  return csv
    .split('\n')
    .map((line) => line.split(','))
    .filter(([proxy, server, ...rest]) => proxy === 'bff' && server !== 'BACKEND' && rest[15] === 'UP')
    .map(([, server = '']) => server);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
