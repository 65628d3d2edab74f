import assert from 'node:assert/strict';
import { type ClientRequest, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServiceContender } from './support/contender.ts';
import { cpuSeconds, residentBytes } from './support/process-facts.ts';
import { startRenderingStub } from './support/rendering-stub.ts';
import { scrape } from './support/scrape.ts';
import { type Surroundings, tokensOfUsers } from './support/surroundings.ts';

/** As many as the contract lets a user have by default. */
const STREAMS_PER_USER = 20;
export const PENDING_TTL_MS = 1000;
const UPSTREAM_LATENCY_MS = 50;
/** So many open their streams at a time. */
const OPENING = 50;
const WARM_UP_STREAMS = 200;
const SETTLE_MS = 5000;
/** Never answered by anything but `rendering`. */
const PROJECT = 'r000001';

export interface StreamFigures {
  readonly streams: number;
  readonly openSeconds: number;
  readonly watchedSeconds: number;
  readonly upstreamRequests: number;
  readonly idleBytes: number;
  readonly openBytes: number;
  /** Share of a core while all are open and nothing changes, heartbeats included. */
  readonly coreShare: number;
}

/** Many event streams on one project that goes on rendering: what each costs the service, and all of them the upstream. */
export async function measureStreams(
  { redis, issuer, signal }: Surroundings,
  { streams, watchedMs }: { readonly streams: number; readonly watchedMs: number },
): Promise<StreamFigures> {
  await redis.command('FLUSHALL');
  await using upstream = await startRenderingStub(UPSTREAM_LATENCY_MS);
  await using service = await startServiceContender('magic-hour-bff', {
    upstream,
    issuer,
    redisUrl: redis.url,
    logFile: '/dev/null',
    env: {
      CACHE_PENDING_TTL_MS: `${PENDING_TTL_MS}`,
      // As often as it may ask: that it asks more rarely in time would flatter the figure.
      WATCH_INTERVAL_MAX_MS: `${PENDING_TTL_MS}`,
    },
  });
  const tokens = await tokensOfUsers(issuer, Math.ceil(streams / STREAMS_PER_USER));
  const url = `${service.url}/v1/image-projects/${PROJECT}/events`;
  const open = new Set<ClientRequest>();
  const openAll = async (count: number) => {
    for (let from = 0; from < count; from += OPENING) {
      signal.throwIfAborted();
      const batch = Array.from({ length: Math.min(OPENING, count - from) }, (_, n) => from + n);
      await Promise.all(
        batch.map((n) => openStream(url, tokens[Math.floor(n / STREAMS_PER_USER)] ?? '', open)),
      );
    }
  };

  // Code that is compiled and tokens that are remembered are not the streams' own.
  await openAll(WARM_UP_STREAMS);
  for (const request of open) request.destroy();
  open.clear();
  while ((await scrape(service.opsUrl))('event_streams_open') > 0) await sleep(100);
  await sleep(SETTLE_MS, undefined, { signal });
  const { nowBytes: idleBytes } = residentBytes(service.pid);

  const openingMs = performance.now();
  await openAll(streams);
  const openSeconds = (performance.now() - openingMs) / 1000;
  assert.equal((await scrape(service.opsUrl))('event_streams_open'), streams, 'all must be open');
  await sleep(SETTLE_MS, undefined, { signal });

  const [askedBefore, cpuBefore, begunMs] = [
    upstream.renderingAnswered(),
    cpuSeconds(service.pid),
    performance.now(),
  ];
  await sleep(watchedMs, undefined, { signal });
  const watchedSeconds = (performance.now() - begunMs) / 1000;
  const upstreamRequests = upstream.renderingAnswered() - askedBefore;
  const coreShare = (cpuSeconds(service.pid) - cpuBefore) / watchedSeconds;
  const { nowBytes: openBytes } = residentBytes(service.pid);
  assert.equal((await scrape(service.opsUrl))('event_streams_open'), streams, 'all must still be open');
  for (const request of open) request.destroy();
  return { streams, openSeconds, watchedSeconds, upstreamRequests, idleBytes, openBytes, coreShare };
}

/** Resolves once the present state has come. */
function openStream(url: string, token: string, open: Set<ClientRequest>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = get(url, { agent: false, headers: { authorization: `Bearer ${token}` } }, (response) => {
    if (response.statusCode !== 200) reject(new Error(`a stream was answered ${response.statusCode}`));
    response.once('data', () => resolve()).resume();
    response.on('error', () => undefined);
  });
  request.on('error', reject);
  open.add(request);
  return promise;
}
