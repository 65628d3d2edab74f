import type { DestinationStream } from 'pino';

export interface LogDestination extends DestinationStream {
  /** Writes what there is before it returns. */
  flushSync(): void;
}

/** Characters, and the longest that a line waits. */
const BATCH_LENGTH = 32 * 1024;
const FLUSH_MS = 200;

/**
 * Hands lines on many at a time. pino's destination can do that, too, but measures and copies all that it holds with each line
 * that comes (a thousand lines a second have it copy 16 MB).
 */
export function inBatches(destination: LogDestination): LogDestination {
  let pending = '';
  let timer: NodeJS.Timeout | undefined;

  function handOn(): void {
    clearTimeout(timer);
    timer = undefined;
    const lines = pending;
    pending = '';
    if (lines !== '') destination.write(lines);
  }

  return {
    write(line) {
      pending += line;
      if (pending.length >= BATCH_LENGTH) handOn();
      else timer ??= setTimeout(handOn, FLUSH_MS).unref();
    },
    flushSync() {
      handOn();
      destination.flushSync();
    },
  };
}
