import { dataCommands } from '../../test/support/redis-data-commands.ts';
import type { RedisServer } from '../../test/support/redis-server.ts';
import type { Contender } from './contender.ts';
import { cpuSeconds, watchCore } from './process-facts.ts';
import { runWrk } from './wrk.ts';

/** One timed turn of one contender. */
export interface Turn {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Requests per second of the core's time that was not taken by others; with none there, the same. */
  readonly undisturbedRate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The contender's own, user and system. */
  readonly cpuMicrosecondsPerRequest: number;
  /** What Redis ran meanwhile, each script and each command that it calls. */
  readonly redisCommandsPerRequest: number;
  readonly redisMicrosecondsPerRequest: number;
  /** Of the contender's core, taken by itself: less than nearly all means that the load was too weak. */
  readonly ownShare: number;
  /** Of the contender's core, taken by processes that are none of this benchmark's. */
  readonly foreignShare: number;
}

/** Full load from wrk, and what it cost. */
export async function timeTurn(
  { pid, url, gone }: Contender,
  redis: RedisServer,
  load: Omit<Parameters<typeof runWrk>[0], 'url' | 'enough'>,
): Promise<Turn> {
  const redisCpuSeconds = () => (redis.pid === undefined ? 0 : cpuSeconds(redis.pid));
  const before = { commands: await dataCommands(redis), redisSeconds: redisCpuSeconds() };
  const coreUse = watchCore(pid);
  const result = await runWrk({ url, ...load, signal: AbortSignal.any([load.signal, gone]) });
  const { ownSeconds, ownShare, foreignShare } = coreUse();
  const redisSeconds = redisCpuSeconds() - before.redisSeconds;
  const { requests } = result;
  const requestsPerSecond = requests / (result.durationMicroseconds / 1e6);
  return {
    requests,
    requestsPerSecond,
    undisturbedRate: requestsPerSecond / (1 - foreignShare),
    p50Ms: result.p50Microseconds / 1000,
    p99Ms: result.p99Microseconds / 1000,
    cpuMicrosecondsPerRequest: (ownSeconds * 1e6) / requests,
    redisCommandsPerRequest: ((await dataCommands(redis)) - before.commands) / requests,
    redisMicrosecondsPerRequest: (redisSeconds * 1e6) / requests,
    ownShare,
    foreignShare,
  };
}
