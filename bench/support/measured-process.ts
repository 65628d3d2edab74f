import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { MEASURED_CORE } from './cores.ts';

const ROOT = new URL('../../', import.meta.url);
const STOP_TIMEOUT_MS = 10_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface MeasuredProcess extends AsyncDisposable {
  readonly pid: number;
  /** Aborted when the process is gone, wanted or not. */
  readonly gone: AbortSignal;
}

/**
 * Starts a program in the repository's folder, on the core for what is measured; disposing of it ends it by SIGTERM.
 *
 * @param stdoutFile where its output goes, as a process manager would redirect it
 */
export async function startMeasured(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stdoutFile: string,
): Promise<MeasuredProcess> {
  const stdout = await open(stdoutFile, 'w');
  const child = spawn('taskset', ['--cpu-list', `${MEASURED_CORE}`, program, ...args], {
    cwd: ROOT,
    // Only what is named here: a variable of the caller's shell must not change what is measured.
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', stdout.fd, 'inherit'],
  });
  await stdout.close();
  const { pid } = child;
  if (pid === undefined) throw new Error('taskset could not be started');
  running.add(child);
  const gone = new AbortController();
  child.once('exit', (code, signal) => {
    running.delete(child);
    gone.abort(new Error(`${args.at(-1)} ended with ${code ?? signal}`));
  });
  return {
    pid,
    gone: gone.signal,
    async [Symbol.asyncDispose]() {
      if (gone.signal.aborted) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const insist = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(insist);
    },
  };
}
