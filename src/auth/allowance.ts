import type { Clock } from '../lookup/ports.ts';

/** What strangers may cause without having shown that they are none; it grows back with time. */
export interface Allowance {
  /** @returns whether there was something left to take */
  take(): boolean;
  /** For what turned out to be worth it. */
  giveBack(): void;
}

/**
 * @param options.burst how much there is at the most, and at first
 * @param options.everyMs milliseconds in which one more comes back
 */
export function createAllowance(options: {
  readonly burst: number;
  readonly everyMs: number;
  readonly clock: Clock;
}): Allowance {
  const { burst, everyMs, clock } = options;
  let left = burst;
  let leftAtMs = clock.now();

  return {
    take() {
      const nowMs = clock.now();
      left = Math.min(burst, left + (nowMs - leftAtMs) / everyMs);
      leftAtMs = nowMs;
      if (left < 1) return false;
      left -= 1;
      return true;
    },
    giveBack() {
      left = Math.min(burst, left + 1);
    },
  };
}
