import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServiceContender } from './support/contender.ts';
import { imageVariable } from './support/image-variable.ts';
import { walkingScript } from './support/lua.ts';
import { residentBytes } from './support/process-facts.ts';
import { redisMemory } from './support/redis-memory.ts';
import { scrape } from './support/scrape.ts';
import { type Surroundings, tokensOfUsers } from './support/surroundings.ts';
import { startUpstreamStub } from './support/upstream-stub.ts';
import { runWrk, type WrkResult } from './support/wrk.ts';

const USERS = 8;
/** How often the service is asked how many lookups it has answered. */
const COUNT_EVERY_MS = 500;
const TIME_LIMIT_SECONDS = 3600;

export interface MemoryOptions {
  readonly lookups: number;
  /** Different ones; asked for in turn, and once more from the first where there are more lookups. At most 1,000,000. */
  readonly projects: number;
}

export interface MemoryFigures {
  readonly lookups: number;
  readonly upstreamRequests: number;
  readonly requestsPerSecond: number;
  readonly bodyBytes: number;
  readonly idleBytes: number;
  /** The kernel's own high-water mark, from the start of the process. */
  readonly peakBytes: number;
  readonly afterBytes: number;
  /** What the memory tier says of itself: at its highest, and at the end. */
  readonly cachePeakBytes: number;
  readonly cacheBytes: number;
  readonly cacheEntries: number;
  /** What V8 has taken for its heap, and what Buffers and the like take outside of it. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly redisBytes: number;
}

/** Resident memory after lookups of more projects than the memory tier holds, with its default bound. */
export async function measureMemory(
  { folder, redis, issuer, signal }: Surroundings,
  { lookups, projects }: MemoryOptions,
): Promise<MemoryFigures> {
  const script = join(folder, 'walking.lua');
  await writeFile(script, walkingScript(await tokensOfUsers(issuer, USERS), projects));
  await redis.command('FLUSHALL');

  await using upstream = await startUpstreamStub();
  const settings = {
    upstream,
    issuer,
    redisUrl: redis.url,
    // A line a request is written, but a million of them need not lie on a disk.
    logFile: '/dev/null',
    env: { MALLOC_ARENA_MAX: imageVariable('MALLOC_ARENA_MAX') },
  };
  // Where sources have changed, Node strips their types at the first start, and never gives the memory for it back.
  await (await startServiceContender('the first to start', settings))[Symbol.asyncDispose]();
  await using service = await startServiceContender('magic-hour-bff', settings);
  const { nowBytes: idleBytes } = residentBytes(service.pid);

  let cachePeakBytes = 0;
  async function answeredAll(): Promise<boolean> {
    const metric = await scrape(service.opsUrl);
    cachePeakBytes = Math.max(cachePeakBytes, metric('cache_memory_bytes'));
    return metric('lookups_total') >= lookups;
  }
  const result = await loadUntil(answeredAll, {
    url: service.url,
    script,
    seconds: TIME_LIMIT_SECONDS,
    signal: AbortSignal.any([signal, service.gone]),
  });

  const { nowBytes: afterBytes, peakBytes } = residentBytes(service.pid);
  const metric = await scrape(service.opsUrl);
  assert.ok(
    upstream.answered() >= Math.min(lookups, projects),
    'the upstream must be asked for each project',
  );
  return {
    lookups: metric('lookups_total'),
    upstreamRequests: upstream.answered(),
    requestsPerSecond: result.requests / (result.durationMicroseconds / 1e6),
    bodyBytes: upstream.bodyBytes,
    idleBytes,
    peakBytes,
    afterBytes,
    cachePeakBytes,
    cacheBytes: metric('cache_memory_bytes'),
    cacheEntries: metric('cache_memory_entries'),
    heapBytes: metric('nodejs_heap_size_total_bytes'),
    externalBytes: metric('nodejs_external_memory_bytes'),
    redisBytes: await redisMemory(redis),
  };
}

/** wrk knows time only, so a count ends it from outside. */
async function loadUntil(
  done: () => Promise<boolean>,
  load: Omit<Parameters<typeof runWrk>[0], 'enough'>,
): Promise<WrkResult> {
  const enough = new AbortController();
  const ended = new AbortController();
  async function watch(): Promise<void> {
    while (!(await done())) {
      ended.signal.throwIfAborted();
      await sleep(COUNT_EVERY_MS, undefined, { signal: load.signal });
    }
    enough.abort();
  }
  const running = runWrk({ ...load, enough: enough.signal }).finally(() =>
    ended.abort(new Error(`the lookups were not all answered within ${load.seconds} s`)),
  );
  const [result] = await Promise.all([running, watch()]);
  return result;
}
