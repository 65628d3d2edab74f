/** One slow command can be chance; a second, with no quick one in between, is how things stand. */
const SLOW_IN_A_ROW = 2;

export interface Slowness {
  /**
   * Call it as a command begins, and what it returns as that ends.
   *
   * @param onSlow is called while the command is still under way, so that nobody else begins to wait, too
   */
  began(onSlow: () => void): () => void;
}

/** Tells when commands take longer than `slowMs`, one after the other. */
export function watchSlowness(slowMs: number): Slowness {
  let slowInARow = 0;
  return {
    began(onSlow) {
      let slow = false;
      let check: NodeJS.Immediate | undefined;
      // Where this process itself was held up, the reply may be here already: it is read before the immediate's turn.
      const timer = setTimeout(() => {
        check = setImmediate(() => {
          slow = true;
          slowInARow += 1;
          if (slowInARow >= SLOW_IN_A_ROW) onSlow();
        });
      }, slowMs);
      return () => {
        clearTimeout(timer);
        clearImmediate(check);
        if (!slow) slowInARow = 0;
      };
    },
  };
}
