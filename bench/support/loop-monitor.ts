/**
 * Preloaded into a process (`--import`) to watch its event loop from inside. On SIGUSR2 it writes what it saw since the
 * last time to `LOOP_REPORT_FILE`, and begins anew.
 *
 * A turn of the loop can be long because of its work, because V8's helpers had the core (they collect garbage and
 * compile), or because another process had it; the CPU time that was used meanwhile tells which.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;
const LONG_MS = 10;

const file = process.env.LOOP_REPORT_FILE;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let seen = nothingSeen();
let at = usedMs();

function nothingSeen() {
  return { busiestMs: 0, busyTurns: 0, busiestThreadMs: 0 };
}

/** CPU time of all threads of the process, and of the one that the loop runs on. */
function usedMs() {
  const all = process.cpuUsage();
  const own = process.threadCpuUsage();
  return { all: (all.user + all.system) / 1000, thread: (own.user + own.system) / 1000 };
}

setInterval(() => {
  const before = at;
  at = usedMs();
  const busyMs = at.all - before.all;
  seen.busiestMs = Math.max(seen.busiestMs, busyMs);
  seen.busiestThreadMs = Math.max(seen.busiestThreadMs, at.thread - before.thread);
  if (busyMs > LONG_MS) seen.busyTurns += 1;
}, RESOLUTION_MS).unref();

/** How many were longer, from the percentile at which they begin. */
function delaysOver(ms: number): number {
  let [low, high] = [0, 100];
  for (let n = 0; n < 50; n += 1) {
    const middle = (low + high) / 2;
    if (middle > 0 && delays.percentile(middle) / 1e6 > ms) high = middle;
    else low = middle;
  }
  return Math.round((delays.count * (100 - low)) / 100);
}

process.on('SIGUSR2', () => {
  if (file === undefined) return;
  const report = {
    turns: delays.count,
    p9999Ms: delays.percentile(99.99) / 1e6,
    longestMs: delays.max / 1e6,
    longTurns: delays.count === 0 ? 0 : delaysOver(LONG_MS),
    ...seen,
  };
  // Whole or not at all, for whoever waits for it.
  writeFileSync(`${file}.new`, JSON.stringify(report));
  renameSync(`${file}.new`, file);
  delays.reset();
  seen = nothingSeen();
  at = usedMs();
});

delays.enable();
