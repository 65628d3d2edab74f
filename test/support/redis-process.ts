import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 3000;

/** `code` is `PORT_TAKEN` where somebody else was faster. */
export class RedisStartError extends Error {
  readonly code: 'PORT_TAKEN' | 'FAILED';

  constructor(output: string) {
    super(`redis-server did not start:\n${output}`);
    this.code = /Address already in use/i.test(output) ? 'PORT_TAKEN' : 'FAILED';
  }
}

/** Resolves when the server writes that it is ready; it dies with this process, however that ends. */
export async function spawnRedis(
  binary: string,
  args: readonly string[],
  readyText = 'Ready to accept connections',
): Promise<ChildProcess> {
  // No inherited stream: a server that outlives its test by a moment would hold the test runner's own output open.
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  killWithParent(child);
  const giveUp = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  const output: string[] = [];
  const remember = (chunk: Buffer) => output.push(chunk.toString());
  child.stderr.on('data', remember);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      output.push(line);
      if (line.includes(readyText)) return child;
    }
    await closed;
    throw new RedisStartError(output.join('\n'));
  } finally {
    clearTimeout(giveUp);
    // What it prints later is nobody's, and a full pipe would block it.
    child.stderr.off('data', remember).resume();
    child.stdout.resume();
  }
}

/** Ends the process, also a paused one; resolves when it is gone. */
export async function endProcess(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  child.kill('SIGCONT');
  const insist = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(insist);
}

/**
 * Has a shell wait for the end of a pipe that this process alone holds open. An `exit` handler is not enough: test
 * runners end their workers by signals, which run none.
 */
function killWithParent(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const watchdog = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$1"', 'watchdog', `${child.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Out of this process's group, so that Ctrl-C doesn't end the watchdog before its work.
    detached: true,
  });
  child.once('exit', () => watchdog.kill('SIGKILL'));
}
