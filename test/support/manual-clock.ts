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
