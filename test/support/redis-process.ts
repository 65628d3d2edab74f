import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { killWithParent } from './child-process.ts';

const START_TIMEOUT_MS = 10_000;

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
