/** How a trouble is told that may come thousands of times a second. */
export interface Burst<T> {
  happened(how: T): void;
  /** All is well again; nothing is told where no trouble was told before. */
  over(): void;
}

const TELL_EVERY_MS = 60_000;

/**
 * Tells of a trouble at once, and while it lasts once a minute with how often it happened since; then, at once, that it is
 * over. One that comes and goes all the time is told no oftener.
 */
export function createBurst<T>(tell: { happened(how: T, count: number): void; over?(): void }): Burst<T> {
  let untold: { how: T; count: number } | undefined;
  let told = false;
  let well = true;
  let minute: NodeJS.Timeout | undefined;

  function tellHappened(): void {
    if (untold === undefined) return;
    const { how, count } = untold;
    untold = undefined;
    told = true;
    tell.happened(how, count);
  }

  function tellOver(): void {
    if (!told) return;
    tellHappened();
    told = false;
    tell.over?.();
  }

  function beginMinute(): void {
    minute = setTimeout(() => {
      minute = undefined;
      if (untold === undefined) return;
      tellHappened();
      if (well) tellOver();
      beginMinute();
    }, TELL_EVERY_MS);
    minute.unref();
  }

  return {
    happened(how) {
      untold = { how, count: (untold?.count ?? 0) + 1 };
      well = false;
      if (minute !== undefined) return;
      tellHappened();
      beginMinute();
    },
    over() {
      well = true;
      tellOver();
    },
  };
}
