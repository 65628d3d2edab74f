import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

const RESOLUTION_MS = 20;

export interface EventLoopWatch {
  /**
   * The longest delay since the last read, but for one that began at once after it (Node's watch starts anew there), and for
   * how long in all the loop worked and waited.
   */
  read(): { readonly longestDelayMs: number; readonly activeMs: number; readonly idleMs: number };
  stop(): void;
}

/** A watch of our own: to read prom-client's would take from a scrape what it resets. */
export function watchEventLoop(): EventLoopWatch {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  return {
    read() {
      // Node records the time between two turns of its timer, not how late the second was.
      const longestDelayMs = Math.max(0, delays.max / 1e6 - RESOLUTION_MS);
      delays.reset();
      const { active, idle } = performance.eventLoopUtilization();
      return { longestDelayMs, activeMs: active, idleMs: idle };
    },
    stop: () => void delays.disable(),
  };
}
