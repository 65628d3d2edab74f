import { serviceWithRedis } from './contenders/contenders.ts';
import type { Ring } from './contenders/kinds.ts';
import { noPause, sendPaced } from './support/paced-load.ts';
import { watchCore } from './support/process-facts.ts';
import { watchCommands } from './support/redis-monitor.ts';
import { rotatingRequests } from './support/requests.ts';
import { type Surroundings, tokensOfUsers } from './support/surroundings.ts';

/** The service's own default. */
const LIMIT = 600;
const USERS = { warmUp: 100, timed: 200, counted: 50 };

export interface RedisWork {
  /** Commands that the service sends to Redis. */
  readonly commandsALookup: number;
  /** The service's own CPU time. */
  readonly cpuMicrosecondsALookup: number;
}

/**
 * What a hot lookup costs by users who use their limit up to the last request, which is the most: the nearer a limit is,
 * the more often it is settled. Under full load, and all of them are let through.
 */
export async function measureRedisWork(ring: Ring, { issuer, signal }: Surroundings): Promise<RedisWork> {
  await using service = await serviceWithRedis.start(ring, { limit: LIMIT, logFile: '/dev/null' });
  async function useUp(group: keyof typeof USERS): Promise<number> {
    const tokens = await tokensOfUsers(issuer, USERS[group], group);
    const request = rotatingRequests(service.url, tokens, ring.ids);
    const dueMs = noPause(tokens.length * LIMIT);
    await sendPaced({ url: service.url, request, dueMs, signal: AbortSignal.any([signal, service.gone]) });
    return dueMs.length;
  }

  await useUp('warmUp');
  const coreUse = watchCore(service.pid);
  const timed = await useUp('timed');
  const { ownSeconds } = coreUse();
  // Counting makes Redis slow, so that it comes after.
  await using watch = await watchCommands(ring.redis);
  const counted = await useUp('counted');
  return { commandsALookup: watch.sent() / counted, cpuMicrosecondsALookup: (ownSeconds * 1e6) / timed };
}
