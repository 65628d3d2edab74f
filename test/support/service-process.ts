import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { freePort } from './free-port.ts';
import { parseLogLine } from './log-conformance.ts';

export interface ServiceProcess {
  readonly publicUrl: string;
  readonly opsUrl: string;
  readonly pid: number;
  /** What it wrote to stdout, a line each. */
  readonly lines: readonly string[];
  /** What it wrote to stderr so far. */
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** How it ended; rejects where a line was logged that src/log-events.ts doesn't describe. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

const ROOT = new URL('../../', import.meta.url);

/**
 * Runs the service as it runs in production, as a process of its own, and waits until it says that it is ready.
 *
 * @param env its whole environment; `PORT` and `OPS_PORT` are free ones where it names none
 * @param args what follows `node`
 */
export async function startServiceProcess(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = startArguments(),
): Promise<ServiceProcess> {
  const { ready, ...service } = await spawnServiceProcess(env, args);
  await ready;
  return service;
}

/** The same without waiting. `ready` rejects where the process ends before. */
export async function spawnServiceProcess(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = startArguments(),
): Promise<ServiceProcess & { readonly ready: Promise<void> }> {
  const { PORT: port = `${await freePort()}`, OPS_PORT: opsPort = `${await freePort()}` } = env;
  const child = spawnMain({ HOST: '127.0.0.1', ...env, PORT: port, OPS_PORT: opsPort }, args);
  const lines: string[] = [];
  const stderr = collect(child.stderr);
  const exited = exitOf(child).then((how) => {
    // One that was killed may not have come to the end of its last line.
    const whole = how.signal === null ? lines : lines.filter((line) => line.endsWith('}'));
    for (const line of whole) parseLogLine(line);
    return how;
  });
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  if (child.stdout === null) throw new Error('the process has no stdout');
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (line.includes('"msg":"ready"')) ready.resolve();
  });
  exited.then(({ code }) => ready.reject(new Error(`ended with ${code} before it was ready`)), ready.reject);
  return {
    publicUrl: `http://127.0.0.1:${port}`,
    opsUrl: `http://127.0.0.1:${opsPort}`,
    pid: z.number().parse(child.pid),
    lines,
    stderr,
    kill: (signal) => void child.kill(signal),
    exited,
    ready: ready.promise,
  };
}

/** Runs the service until it ends by itself. */
export async function runServiceProcess(env: Readonly<Record<string, string>>) {
  const { exited, stderr, lines } = await spawnServiceProcess(env);
  return { ...(await exited), stderr: stderr(), lines };
}

/** Runs the service's program with arguments that start no service, until it ends. */
export async function runProgram(
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  start: readonly string[] = startArguments(),
) {
  const child = spawnMain(env, [...start, ...args]);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const { code } = await exitOf(child);
  return { code, stdout: stdout(), stderr: stderr() };
}

/** Its environment is what a test says alone, so that nothing of this machine's counts. */
function spawnMain(env: Readonly<Record<string, string>>, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stopWithParent = () => void child.kill('SIGKILL');
  process.once('exit', stopWithParent);
  child.once('exit', () => process.off('exit', stopWithParent));
  return child;
}

/** What follows `node` in the package's start script: its flags for V8 decide on how much memory it takes. */
export function startArguments(): string[] {
  const { scripts } = z
    .object({ scripts: z.object({ start: z.string().startsWith('node ') }) })
    .parse(JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')));
  return scripts.start.split(' ').slice(1);
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
