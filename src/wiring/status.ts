import { memoryUsage } from 'node:process';
import type { MemoryTier } from '../cache/memory-cache.ts';
import type { Config } from '../config.ts';
import type { Readiness } from '../http/serve-health.ts';
import type { Clock } from '../lookup/ports.ts';
import type { Listeners } from '../metrics/listeners.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { trafficCounts } from '../metrics/traffic-counts.ts';
import { OPS_ROUTES } from '../ops-app.ts';
import { watchEventLoop } from '../status/event-loop.ts';
import { keepRecent } from '../status/recent.ts';
import type { StatusReport } from '../status/report.ts';
import { type Counts, NO_COUNTS, trafficBetween } from '../status/traffic.ts';
import { watchValue } from '../status/watch-value.ts';
import type { RedisParts } from './redis.ts';
import type { OpenUpstream } from './upstream.ts';

const SAMPLE_EVERY_MS = 1000;
const MINUTE_MS = 60_000;

export interface Status {
  report(): StatusReport;
  close(): void;
}

export interface StatusParts {
  readonly clock: Clock;
  readonly version: string;
  readonly nodeVersion: string;
  readonly metrics: Metrics;
  readonly count: Pick<Listeners, 'requestsInFlight'>;
  readonly upstream: Pick<OpenUpstream, 'resilience' | 'keyInUse'>;
  readonly redis: Pick<RedisParts, 'topology' | 'up'>;
  readonly memory: Pick<MemoryTier, 'bytes' | 'entries'>;
}

/** Gathers what the status page shows, by looking at the parts once a second and when the page is asked for. */
export function openStatus(config: Config, parts: StatusParts, readiness: () => Readiness): Status {
  const { clock, upstream, redis, memory } = parts;
  const { resilience, keyInUse } = upstream;
  const startedAtMs = clock.now();
  const key = watchValue(keyInUse, ({ generation }) => generation, clock);
  const circuitOpen = watchValue(() => resilience.circuitOpen, Boolean, clock);
  const redisUp = watchValue(redis.up, Boolean, clock);
  const opsRoutes = new Set(OPS_ROUTES.map((path) => path.replace(':id', '{id}')));
  const eventLoop = watchEventLoop();

  function sample(): Counts {
    for (const look of [key, circuitOpen, redisUp]) look();
    return { ...trafficCounts(parts.metrics, (route) => !opsRoutes.has(route)), ...eventLoop.read() };
  }
  const recent = keepRecent({
    read: sample,
    clock: performance,
    everyMs: SAMPLE_EVERY_MS,
    keepMs: 5 * MINUTE_MS,
  });

  return {
    report() {
      const samples = recent.within(5 * MINUTE_MS);
      return {
        atMs: clock.now(),
        startedAtMs,
        version: parts.version,
        nodeVersion: parts.nodeVersion,
        ...readiness(),
        upstream: {
          host: new URL(config.upstream.baseUrl).host,
          circuitOpen: circuitOpen(),
          inFlight: resilience.inFlight,
          maxInFlight: config.upstream.maxConcurrency,
          queued: resilience.queued,
          maxQueued: config.upstream.maxQueue,
        },
        key: key(),
        redis: redis.topology === undefined ? undefined : { topology: redis.topology, up: redisUp() },
        cache: { bytes: memory.bytes, maxBytes: config.cache.memoryMaxBytes, entries: memory.entries },
        // Without the one that asks for this.
        requestsInFlight: Math.max(0, parts.count.requestsInFlight - 1),
        memory: memoryOf(memoryUsage()),
        lastMinute: trafficBetween(recent.within(MINUTE_MS)),
        lastFiveMinutes: trafficBetween(samples),
        sinceStart: trafficBetween([{ atMs: 0, value: NO_COUNTS }, ...samples.slice(-1)]),
      };
    },
    close() {
      recent.stop();
      eventLoop.stop();
    },
  };
}

function memoryOf({ rss, heapUsed }: NodeJS.MemoryUsage): StatusReport['memory'] {
  return { residentBytes: rss, heapBytes: heapUsed };
}
