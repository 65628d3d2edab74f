/**
 * Calls `onSlow` where what begins now is not over after `slowMs`: at that time, not only when it is over.
 *
 * @returns what to call when it is over
 */
export function whenSlow(slowMs: number, onSlow: () => void): () => void {
  let check: NodeJS.Immediate | undefined;
  // Where this process itself was held up, the reply may be here already: it is read before the immediate's turn.
  const timer = setTimeout(() => {
    check = setImmediate(onSlow);
  }, slowMs);
  return () => {
    clearTimeout(timer);
    clearImmediate(check);
  };
}

export interface Slowness {
  /**
   * Call it as a command begins, and what it returns as that ends.
   *
   * @param onSlow is called while the command is still under way, so that nobody else begins to wait, too
   */
  began(onSlow: () => void): () => void;
}

/**
 * Tells when commands have been slow for a while: one can be slow by chance, but not all for that long.
 *
 * @param slowMs what a command takes that is slow
 * @param whileMs for how long none may have been quick
 */
export function watchSlowness(slowMs: number, whileMs: number): Slowness {
  /** When the first of the slow commands began that no quick one has come after. */
  let sinceMs: number | undefined;
  return {
    began(onSlow) {
      const beganMs = performance.now();
      let slow = false;
      const over = whenSlow(slowMs, () => {
        slow = true;
        sinceMs ??= beganMs;
        if (performance.now() - sinceMs >= whileMs) onSlow();
      });
      return () => {
        over();
        if (!slow) sinceMs = undefined;
      };
    },
  };
}
