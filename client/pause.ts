const FIRST_MS = 1000;
const LONGEST_MS = 30_000;
/** A timer that is set for longer ends at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * How long to leave the service alone after so many failures in a row: anything up to a time that doubles with each, so that
 * clients which failed together do not come back together (full jitter).
 */
export function backOffMs(failures: number): number {
  return Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
}

/**
 * Resolves after a while, and rejects with the signal's reason where it is aborted. A page whose network is back waits no longer
 * than it has to, and up to a second, since others have theirs back as well.
 *
 * @param leastMs what the service asked for, which no network shortens
 */
export function pause(ms: number, signal: AbortSignal | undefined, leastMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const begunMs = Date.now();
    const over = () => {
      clearTimeout(timer);
      target?.removeEventListener('online', sooner);
      signal?.removeEventListener('abort', over);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const overIn = (leftMs: number) => setTimeout(over, Math.min(leftMs, MAX_TIMER_MS));
    const sooner = () => {
      clearTimeout(timer);
      const goneMs = Date.now() - begunMs;
      timer = overIn(Math.min(ms - goneMs, Math.max(0, leastMs - goneMs) + Math.random() * FIRST_MS));
    };
    // Only pages and their workers are told of networks.
    const page: unknown = globalThis;
    const target = page instanceof EventTarget ? page : undefined;
    let timer = overIn(ms);
    target?.addEventListener('online', sooner);
    signal?.addEventListener('abort', over);
    if (signal?.aborted) over();
  });
}
