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

/** Resolves after a while, at once where the network is back, and rejects with the signal's reason where it is aborted. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = () => {
      clearTimeout(timer);
      target?.removeEventListener('online', over);
      signal?.removeEventListener('abort', over);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    // Only pages and their workers are told of networks.
    const page: unknown = globalThis;
    const target = page instanceof EventTarget ? page : undefined;
    const timer = setTimeout(over, Math.min(ms, MAX_TIMER_MS));
    target?.addEventListener('online', over);
    signal?.addEventListener('abort', over);
    if (signal?.aborted) over();
  });
}
