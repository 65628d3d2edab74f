import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { findOrInstall } from '../../test/support/debian-program.ts';

/** What `done` of the Lua scripts prints (see lua.ts). */
const resultSchema = z.object({
  requests: z.number(),
  durationMicroseconds: z.number(),
  failures: z.number(),
  p50Microseconds: z.number(),
  p99Microseconds: z.number(),
});
export type WrkResult = z.output<typeof resultSchema>;

export const CONNECTIONS = 50;

/** Makes sure that `wrk` is there. @throws Error that says what to install */
export async function needWrk(): Promise<void> {
  await findOrInstall('wrk', 'wrk');
}

/**
 * Load from one thread over 50 connections or so many, for some seconds or until `enough`, whichever is sooner.
 *
 * @throws Error where anything but a 2xx or 3xx was answered, or nothing
 */
export async function runWrk(options: {
  readonly url: string;
  readonly script: string;
  readonly seconds: number;
  readonly connections?: number;
  /** Breaks the load off; the rest of the run is given up. */
  readonly signal: AbortSignal;
  readonly enough?: AbortSignal;
}): Promise<WrkResult> {
  const { url, script, seconds, connections = CONNECTIONS, signal, enough } = options;
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url];
  const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'], signal });
  // On SIGINT wrk ends its run and reports.
  enough?.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const json = /^RESULT (.*)$/m.exec(output)?.[1];
  if (code !== 0 || json === undefined) throw new Error(`wrk failed:\n${output}`);
  const result = resultSchema.parse(JSON.parse(json));
  if (result.failures > 0) throw new Error(`${result.failures} requests failed under load:\n${output}`);
  return result;
}
