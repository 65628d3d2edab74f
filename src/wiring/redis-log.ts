import { unreachableReason } from '../cache/unreachable-reason.ts';
import type { Logger } from '../log.ts';
import { createBurst } from '../log-bursts.ts';

/** Tells when Redis goes and comes, and why there is no connection. */
export interface RedisLog {
  wentDown(error: unknown): void;
  cameUp(): void;
  /** An attempt to connect failed: told once, however many fail for the same reason until it comes up. */
  unreachable(error: unknown): void;
}

export function createRedisLog(logger: Logger): RedisLog {
  let seen = false;
  const reasonsTold = new Set<string>();
  const absence = createBurst<string>({
    happened: (reason, count) => logger.event('redis_went_away', { reason, count }),
    over: () => logger.event('redis_connected'),
  });
  return {
    wentDown: (error) => absence.happened(unreachableReason(error)),
    cameUp() {
      if (!seen) logger.event('redis_connected');
      seen = true;
      absence.over();
      reasonsTold.clear();
    },
    unreachable(error) {
      const reason = unreachableReason(error);
      if (!reasonsTold.has(reason)) logger.event('redis_unreachable', { reason });
      reasonsTold.add(reason);
    },
  };
}
