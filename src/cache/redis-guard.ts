import { watchSlowness, whenSlow } from './slowness.ts';

/** What is asked of Redis. */
export type RedisOperation =
  | 'cache_read'
  | 'cache_write'
  | 'cache_purge'
  | 'cache_deliver'
  | 'purge_publish'
  | 'watch'
  | 'flight_renew'
  | 'flight_end'
  | 'owner_read'
  | 'owner_write'
  | 'session_read'
  | 'session_write'
  | 'rate_limit'
  | 'dpop_proof';

/** Facts about Redis, for whoever counts or logs them. */
export interface RedisEvents {
  redisFailed(operation: RedisOperation, error: unknown): void;
  redisCameUp(): void;
  redisWentDown(error: unknown): void;
}

/** Stands between this service and Redis, so that a Redis that is away costs nobody more than one timeout. */
export interface RedisGuard {
  /** Runs a command while Redis is up; rejects at once while it is not. */
  run<T>(operation: RedisOperation, command: () => Promise<T>): Promise<T>;
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
 * A circuit breaker that opens on the first command without a reply, and when all are slow for a while. It closes when a
 * probe of its own is answered, quickly in the latter case: no caller ever serves as the probe.
 */
export function createRedisGuard(options: {
  readonly probe: () => Promise<unknown>;
  readonly events: RedisEvents;
  readonly commandTimeoutMs: number;
}): RedisGuard {
  const { probe, events, commandTimeoutMs } = options;
  const slowMs = commandTimeoutMs * SLOW_SHARE_OF_TIMEOUT;
  let stopped = false;
  let up = false;
  let lastError: unknown = new Error('Redis has not answered yet');
  const slowness = watchSlowness(slowMs, commandTimeoutMs);

  /** @param quickly whether it must be answered so, since it was for its slowness that Redis is out of use */
  async function findAgain(quickly: boolean): Promise<void> {
    while (!stopped && !up) {
      let slow = false;
      const over = whenSlow(slowMs, () => {
        slow = true;
      });
      try {
        await probe();
        if (quickly && slow) throw new Error('Redis is slow');
        if (stopped) return;
        up = true;
        events.redisCameUp();
      } catch (error) {
        lastError = error;
        await probeInterval();
      } finally {
        over();
      }
    }
  }

  function wentDown(error: unknown, quickly: boolean): void {
    if (!up || stopped) return;
    up = false;
    lastError = error;
    events.redisWentDown(error);
    void findAgain(quickly);
  }

  void findAgain(false);
  return {
    async run(operation, command) {
      if (!up) throw new Error('Redis is away', { cause: lastError });
      const ended = slowness.began(() => {
        const error = new Error('Redis is slow');
        events.redisFailed(operation, error);
        wentDown(error, true);
      });
      try {
        return await command();
      } catch (error) {
        events.redisFailed(operation, error);
        if (!isReply(error) || SERVER_UNUSABLE.test(error.message)) wentDown(error, false);
        throw error;
      } finally {
        ended();
      }
    },
    get up() {
      return up;
    },
    stop() {
      stopped = true;
    },
  };
}

/** Holds no process up that has nothing else to do. */
function probeInterval(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PROBE_INTERVAL_MS).unref();
  });
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
