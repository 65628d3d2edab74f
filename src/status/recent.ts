import type { Clock } from '../lookup/ports.ts';

export interface Sample<T> {
  /** By the clock that was handed in. */
  readonly atMs: number;
  readonly value: T;
}

export interface Recent<T> {
  /** The samples of the last so many milliseconds, oldest first; the newest of them is `everyMs` old at the most. */
  within(ms: number): ReadonlyArray<Sample<T>>;
  stop(): void;
}

/**
 * Keeps what a few numbers were of late: a sample now, one each `everyMs` from then on, and none that is older than
 * `keepMs`. So rates cost nothing where requests are counted.
 *
 * @param options.clock one that is never set, so that spans between samples are true
 */
export function keepRecent<T>(options: {
  readonly read: () => T;
  readonly clock: Clock;
  readonly everyMs: number;
  readonly keepMs: number;
}): Recent<T> {
  const { read, clock, everyMs, keepMs } = options;
  const maxSamples = Math.ceil(keepMs / everyMs) + 1;
  const samples: Array<Sample<T>> = [];

  function take(): void {
    try {
      samples.push({ atMs: clock.now(), value: read() });
    } catch {
      // In a timer this would end the process. One that is missing makes the span between two others longer.
    }
    if (samples.length > maxSamples) samples.shift();
  }

  take();
  const timer = setInterval(take, everyMs);
  timer.unref();
  return {
    within(ms) {
      const newest = samples.at(-1);
      return newest === undefined ? [] : samples.filter(({ atMs }) => newest.atMs - atMs <= ms);
    },
    stop: () => clearInterval(timer),
  };
}
