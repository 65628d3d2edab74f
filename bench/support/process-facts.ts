import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { MEASURED_CORE } from './cores.ts';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** CPU time that a live process has used so far, user and system, of all its threads (proc(5), `stat`). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command's name in parentheses and may hold spaces, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Resident memory of a live process, now and at its highest (proc(5), `status`). */
export function residentBytes(pid: number): { readonly nowBytes: number; readonly peakBytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytesOf = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { nowBytes: bytesOf('VmRSS'), peakBytes: bytesOf('VmHWM') };
}

export interface CoreUse {
  /** CPU time of the process, user and system. */
  readonly ownSeconds: number;
  /** Of the core's time, what the process took. */
  readonly ownShare: number;
  /** Of the core's time, what was taken by processes that are none of this benchmark's. */
  readonly foreignShare: number;
}

/** Begins to watch the measured core. @returns how it was used since, by the process that is measured there and others */
export function watchCore(pid: number): () => CoreUse {
  const before = { own: cpuSeconds(pid), core: coreSeconds(MEASURED_CORE), atMs: performance.now() };
  return () => {
    const wallSeconds = (performance.now() - before.atMs) / 1000;
    const ownSeconds = cpuSeconds(pid) - before.own;
    const foreignSeconds = coreSeconds(MEASURED_CORE) - before.core - ownSeconds;
    return {
      ownSeconds,
      ownShare: ownSeconds / wallSeconds,
      foreignShare: Math.max(0, foreignSeconds) / wallSeconds,
    };
  };
}

/** CPU time that one core has spent on processes, whosever they are (proc(5), `/proc/stat`). */
function coreSeconds(core: number): number {
  const line = readFileSync('/proc/stat', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`cpu${core} `));
  const [, user, nice, system] = (line ?? '').split(' ').map(Number);
  return ((user ?? Number.NaN) + (nice ?? 0) + (system ?? 0)) / ticksPerSecond;
}
