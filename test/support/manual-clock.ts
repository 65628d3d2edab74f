import { settle } from './builders.ts';

/** A clock that moves only when told. Times are Unix milliseconds. */
export interface ManualClock {
  now(): number;
  advance(ms: number): void;
  set(ms: number): void;
}

/** @param startMs default: a round moment, so that dates in failure messages are easy to read */
export function createManualClock(startMs: number = Date.UTC(2030, 0, 1)): ManualClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
    },
    set: (ms) => {
      nowMs = ms;
    },
  };
}

/** Time in which things take as long as they say and which passes only when told. */
export interface VirtualTime {
  now(): number;
  /** Resolves when so much time has passed; at once for 0. */
  wait(ms: number): Promise<void>;
  /** Lets time pass, and everything run that comes due on the way, each at its own moment. */
  pass(ms: number): Promise<void>;
}

/**
 * @param options.idle resolves when nothing runs any more but what waits for time; default: promises alone are waited for
 * @param options.moved is told of each step by which time moves, before what comes due then runs
 */
export function createVirtualTime(
  startMs: number,
  options: { readonly idle?: () => Promise<void>; readonly moved?: (ms: number) => Promise<void> } = {},
): VirtualTime {
  const { idle = settle, moved } = options;
  const clock = createManualClock(startMs);
  const due: Array<{ readonly atMs: number; readonly resolve: () => void }> = [];

  async function moveTo(atMs: number): Promise<void> {
    const ms = atMs - clock.now();
    clock.set(atMs);
    if (ms > 0) await moved?.(ms);
  }

  return {
    now: clock.now,
    async wait(ms) {
      if (ms === 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      due.push({ atMs: clock.now() + ms, resolve });
      await promise;
    },
    async pass(ms) {
      const untilMs = clock.now() + ms;
      for (;;) {
        await idle();
        due.sort((a, b) => a.atMs - b.atMs);
        const [first] = due;
        if (first === undefined || first.atMs > untilMs) break;
        due.shift();
        await moveTo(first.atMs);
        first.resolve();
      }
      await moveTo(untilMs);
      await idle();
    },
  };
}
