import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { freePort } from './free-port.ts';

export interface ServiceProcess {
  readonly publicUrl: string;
  readonly opsUrl: string;
  readonly pid: number;
  /** What it wrote to stdout, a line each. */
  readonly lines: readonly string[];
  /** What it wrote to stderr so far. */
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** How it ended. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

const MAIN = new URL('../../src/start.js', import.meta.url).pathname;

/** Runs the service as it runs in production, as a process of its own, and waits until it says that it is ready. */
export async function startServiceProcess(env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const { PORT: port = String(await freePort()), OPS_PORT: opsPort = String(await freePort()) } = env;
  const child = spawnMain({ ...env, HOST: '127.0.0.1', PORT: port, OPS_PORT: opsPort });
  const lines: string[] = [];
  const stderr = collect(child.stderr);
  const exited = exitOf(child);
  const ready = Promise.withResolvers<void>();
  if (child.stdout === null) throw new Error('the process has no stdout');
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (line.includes('"msg":"ready"')) ready.resolve();
  });
  exited.then(({ code }) => ready.reject(new Error(`ended with ${code} before it was ready`)));
  await ready.promise;
  return {
    publicUrl: `http://127.0.0.1:${port}`,
    opsUrl: `http://127.0.0.1:${opsPort}`,
    pid: z.number().parse(child.pid),
    lines,
    stderr,
    kill: (signal) => void child.kill(signal),
    exited,
  };
}

/** Runs the service until it ends by itself. */
export async function runServiceProcess(env: Readonly<Record<string, string>>) {
  const child = spawnMain(env);
  const stderr = collect(child.stderr);
  return { ...(await exitOf(child)), stderr: stderr() };
}

/** Its environment is what a test says alone, so that nothing of this machine's counts. */
function spawnMain(env: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(process.execPath, [MAIN], { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const stopWithParent = () => void child.kill('SIGKILL');
  process.once('exit', stopWithParent);
  child.once('exit', () => process.off('exit', stopWithParent));
  return child;
}

function collect(stream: Readable | null): () => string {
  let text = '';
  stream?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return () => text;
}

async function exitOf(child: ChildProcess) {
  const [code, signal] = z
    .tuple([z.number().nullable(), z.string().nullable()])
    .parse(await once(child, 'close'));
  return { code, signal };
}
