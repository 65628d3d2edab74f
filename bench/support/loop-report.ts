import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const POLL_MS = 10;
const PATIENCE_MS = 10_000;

/** What loop-monitor.ts writes. */
const reportSchema = z.object({
  turns: z.number(),
  /** How long turns of the loop took, by monitorEventLoopDelay at 1 ms, whatever was the reason. */
  p9999Ms: z.number(),
  longestMs: z.number(),
  /** Turns of more than 10 ms. */
  longTurns: z.number(),
  /** CPU time that the process used within one turn of its loop, all its threads: the most, and turns with more than 10 ms. */
  busiestMs: z.number(),
  busyTurns: z.number(),
  /** The most that the loop's own thread used. */
  busiestThreadMs: z.number(),
});
export type LoopReport = z.output<typeof reportSchema>;

/** Node's flags that have a process watch its own event loop. */
export const MONITOR_FLAGS = [
  '--import',
  fileURLToPath(new URL('loop-monitor.ts', import.meta.url)),
] as const;

/** Asks a monitored process what it saw since it was asked last. @param file its `LOOP_REPORT_FILE` */
export async function takeLoopReport(pid: number, file: string, signal: AbortSignal): Promise<LoopReport> {
  await rm(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const until = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return reportSchema.parse(JSON.parse(text));
    await sleep(POLL_MS, undefined, { signal: until });
  }
}
