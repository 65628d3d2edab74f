import { startServiceContender } from './support/contender.ts';
import type { Surroundings } from './support/surroundings.ts';

/** Milliseconds from before the process existed to the first 200 of `/readyz`, for each of some starts. */
export async function measureStart(
  { emulator, issuer, redis, signal }: Surroundings,
  { starts }: { readonly starts: number },
): Promise<number[]> {
  const startsMs: number[] = [];
  for (let n = 0; n < starts; n += 1) {
    signal.throwIfAborted();
    await using service = await startServiceContender('magic-hour-bff', {
      upstream: emulator,
      issuer,
      redisUrl: redis.url,
      logFile: '/dev/null',
    });
    startsMs.push(service.startMs);
  }
  return startsMs;
}
