import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { findOrInstall } from './debian-program.ts';

/** slowhttptest's modes: headers that never end, a body that trickles, an answer that is hardly read. */
export type SlowMode = 'headers' | 'body' | 'read';

export interface SlowAttack {
  /** How it ended, in its own words; `No open connections left` says that the server closed each of them. */
  readonly ended: Promise<string>;
  readonly running: boolean;
  stop(): void;
}

export interface SlowAttackOptions {
  readonly url: string;
  readonly connections: number;
  readonly connectionsPerSecond: number;
  /** It ends by itself after that. */
  readonly seconds: number;
}

const MODE_ARGUMENTS: Readonly<Record<SlowMode, readonly string[]>> = {
  headers: ['-H', '-i', '4', '-x', '10'],
  body: ['-B', '-i', '4', '-x', '10', '-s', '8192'],
  // Ten requests at once on each connection, a window of less than a packet, and a byte every five seconds.
  read: ['-X', '-k', '10', '-w', '256', '-y', '512', '-n', '5', '-z', '1'],
};

/** Runs `slowhttptest` (Debian's package of that name) beside the test. */
export async function startSlowAttack(mode: SlowMode, options: SlowAttackOptions): Promise<SlowAttack> {
  const program = await findOrInstall('slowhttptest', 'slowhttptest 1.8 or later');
  const { url, connections, connectionsPerSecond, seconds } = options;
  const child = spawn(
    program,
    [
      ...MODE_ARGUMENTS[mode],
      ...['-u', url, '-c', connections, '-r', connectionsPerSecond, '-l', seconds, '-p', seconds].map(String),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const closed = once(child, 'close');
  return {
    ended: closed.then(() => /Exit status:\s*(.*)/.exec(stripVTControlCharacters(output))?.[1]?.trim() ?? ''),
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    stop: () => void child.kill('SIGTERM'),
  };
}
