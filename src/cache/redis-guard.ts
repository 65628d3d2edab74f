import { setTimeout as delay } from 'node:timers/promises';
import { watchSlowness } from './slowness.ts';

/** Facts about Redis, for whoever counts or logs them. */
export interface RedisEvents {
  redisFailed(operation: string, error: unknown): void;
  redisCameUp(): void;
  redisWentDown(error: unknown): void;
}

/** Stands between this service and Redis, so that a Redis that is away costs nobody more than one timeout. */
export interface RedisGuard {
  /**
   * Runs a command while Redis is up; rejects at once while it is not.
   *
   * @param operation a name from a small fixed set, for metrics
   */
  run<T>(operation: string, command: () => Promise<T>): Promise<T>;
  readonly up: boolean;
  stop(): void;
}

/**
 * Replies that say that this server serves nobody at the moment, or that it is not the one to ask any more (READONLY, which
 * some versions put behind words of their own); any other reply concerns one command alone.
 */
const SERVER_UNUSABLE = /^(LOADING|MASTERDOWN|CLUSTERDOWN|NOAUTH|WRONGPASS|BUSY)\b|\bREADONLY\b/;

const PROBE_INTERVAL_MS = 200;

/**
 * A lookup can wait for Redis a few times in a row; at half of the timeout each, that is more than the one timeout
 * that Redis may cost it. So commands that take longer, and go on to, mean the same as one without a reply.
 */
const SLOW_SHARE_OF_TIMEOUT = 0.5;

/**
 * A circuit breaker that opens on the first command without a reply, and when all are slow for a while. It closes when a probe
 * of its own is answered, and soon enough: no caller ever serves as the probe.
 */
export function createRedisGuard(options: {
  readonly probe: () => Promise<unknown>;
  readonly events: RedisEvents;
  readonly commandTimeoutMs: number;
}): RedisGuard {
  const { probe, events, commandTimeoutMs } = options;
  const slowMs = commandTimeoutMs * SLOW_SHARE_OF_TIMEOUT;
  const stopped = new AbortController();
  let up = false;
  let lastError: unknown = new Error('Redis has not answered yet');
  const slowness = watchSlowness(slowMs, commandTimeoutMs);

  async function findAgain(): Promise<void> {
    while (!stopped.signal.aborted && !up) {
      const beganMs = performance.now();
      try {
        await probe();
        if (performance.now() - beganMs > slowMs) throw new Error('Redis is slow');
        if (stopped.signal.aborted) return;
        up = true;
        events.redisCameUp();
      } catch (error) {
        lastError = error;
        await delay(PROBE_INTERVAL_MS, undefined, { signal: stopped.signal, ref: false }).catch(
          () => undefined,
        );
      }
    }
  }

  function wentDown(error: unknown): void {
    if (!up || stopped.signal.aborted) return;
    up = false;
    lastError = error;
    events.redisWentDown(error);
    void findAgain();
  }

  void findAgain();
  return {
    async run(operation, command) {
      if (!up) throw new Error('Redis is away', { cause: lastError });
      const ended = slowness.began(() => {
        const error = new Error('Redis is slow');
        events.redisFailed(operation, error);
        wentDown(error);
      });
      try {
        return await command();
      } catch (error) {
        events.redisFailed(operation, error);
        if (!isReply(error) || SERVER_UNUSABLE.test(error.message)) wentDown(error);
        throw error;
      } finally {
        ended();
      }
    },
    get up() {
      return up;
    },
    stop: () => stopped.abort(),
  };
}

/**
 * Whether Redis answered, though with an error. Where a slot is on its way to another node, ioredis puts the reply TRYAGAIN
 * into an error of its own.
 */
function isReply(error: unknown): error is Error {
  return (
    error instanceof Error &&
    (error.name === 'ReplyError' || error.message.startsWith('Too many Cluster redirections'))
  );
}
