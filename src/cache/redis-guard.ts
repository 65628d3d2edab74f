import { setTimeout as delay } from 'node:timers/promises';

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

/** Replies that say that this server serves nobody at the moment; any other reply concerns one command alone. */
const SERVER_UNUSABLE = /^(LOADING|MASTERDOWN|CLUSTERDOWN|NOAUTH|WRONGPASS)\b/;

const PROBE_INTERVAL_MS = 200;

/**
 * A circuit breaker that opens on the first command without a reply, and closes when a PING of its own is answered:
 * no caller ever serves as the probe.
 */
export function createRedisGuard(ping: () => Promise<unknown>, events: RedisEvents): RedisGuard {
  const stopped = new AbortController();
  let up = false;
  let lastError: unknown = new Error('Redis has not answered yet');

  async function probe(): Promise<void> {
    while (!stopped.signal.aborted && !up) {
      try {
        await ping();
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
    void probe();
  }

  void probe();
  return {
    async run(operation, command) {
      if (!up) throw new Error('Redis is away', { cause: lastError });
      try {
        return await command();
      } catch (error) {
        events.redisFailed(operation, error);
        if (!isReply(error) || SERVER_UNUSABLE.test(error.message)) wentDown(error);
        throw error;
      }
    },
    get up() {
      return up;
    },
    stop: () => stopped.abort(),
  };
}

/** Whether Redis answered, though with an error. */
function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
