import { execFileSync } from 'node:child_process';

/** What is measured runs here, alone … */
export const MEASURED_CORE = 0;
/** … and all else there: the load, Redis, the upstream, the issuer, this program. */
export const LOAD_CORE = 1;

/** Moves this process, and thereby all that it starts, to the load's core. */
export function moveToLoadCore(): void {
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', `${LOAD_CORE}`, `${process.pid}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  } catch (cause) {
    throw new Error('the benchmark needs Linux with `taskset` (util-linux) and two cores, 0 and 1', {
      cause,
    });
  }
}
