import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const STOP_TIMEOUT_MS = 3000;

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
export function killWithParent(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const watchdog = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$1"', 'watchdog', `${child.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Out of this process's group, so that Ctrl-C doesn't end the watchdog before its work.
    detached: true,
  });
  child.once('exit', () => watchdog.kill('SIGKILL'));
}
