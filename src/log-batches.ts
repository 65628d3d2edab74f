import type { DestinationStream } from 'pino';

export interface LogDestination extends DestinationStream {
  /** Writes what there is before it returns. */
  flushSync(): void;
}

/**
 * Hands on what was logged in one turn of the event loop together. pino's destination measures all that it holds anew with
 * each line.
 */
export function batchByTurn(destination: LogDestination): LogDestination {
  let pending = '';

  function handOn(): void {
    if (pending === '') return;
    const lines = pending;
    pending = '';
    destination.write(lines);
  }

  return {
    write(line) {
      if (pending === '') setImmediate(handOn);
      pending += line;
    },
    flushSync() {
      handOn();
      destination.flushSync();
    },
  };
}
