import type { ServerResponse } from 'node:http';
import { HEARTBEAT } from './event-frames.ts';

/** Below the 30 s and more after which proxies give up a connection on which nothing comes. */
const HEARTBEAT_MS = 15_000;

/** A response that goes on. */
export interface EventStream {
  /** A frame, one byte in each character. What a slow reader has not been sent by then is left out. */
  send(frame: string): void;
  /** Ends it behind what was sent. */
  end(): void;
}

/**
 * Writes frames to a response whose head was sent, with heartbeats in between. While its reader takes nothing, one frame waits
 * at the most, the latest; a reader that goes on like that is cut off by its connection (connections.ts).
 */
export function openEventStream(res: ServerResponse): EventStream {
  let waiting: string | undefined;
  let ending = false;
  const heartbeat = setInterval(() => {
    if (!res.writableNeedDrain) res.write(HEARTBEAT, 'latin1');
  }, HEARTBEAT_MS);
  heartbeat.unref();

  function flush(): void {
    if (waiting !== undefined) {
      const frame = waiting;
      waiting = undefined;
      res.write(frame, 'latin1');
    }
    if (ending) res.end();
  }

  res.on('drain', flush);
  res.once('close', () => clearInterval(heartbeat));
  return {
    send(frame) {
      if (ending) return;
      waiting = frame;
      if (!res.writableNeedDrain) flush();
    },
    end() {
      ending = true;
      clearInterval(heartbeat);
      if (!res.writableNeedDrain) flush();
    },
  };
}
