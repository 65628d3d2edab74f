import type { Express } from 'express';
import type { Config } from '../config.ts';
import type { OpenStreams } from '../http/open-streams.ts';
import { type HealthCheck, readinessOf } from '../http/serve-health.ts';
import type { UpstreamCosts } from '../http/upstream-costs.ts';
import type { Logger } from '../log.ts';
import type { Lookup } from '../lookup/lookup.ts';
import type { Watcher } from '../lookup/watcher.ts';
import type { Listeners } from '../metrics/listeners.ts';
import { metricsRenderer } from '../metrics/metrics.ts';
import { createOpsApp } from '../ops-app.ts';
import type { FollowedFile } from '../secret.ts';
import type { OpenIssuers } from './issuers.ts';
import type { RedisParts } from './redis.ts';
import { openStatus, type StatusParts } from './status.ts';
import type { OpenUpstream } from './upstream.ts';

export interface OpsParts extends StatusParts {
  readonly logger: Logger;
  readonly lifecycle: { readonly ready: boolean };
  readonly lookup: Pick<Lookup, 'forget'>;
  readonly count: Listeners;
  readonly issuers: OpenIssuers;
  readonly upstream: OpenUpstream;
  readonly upstreamCosts: Pick<UpstreamCosts, 'budgetUsed'> | undefined;
  readonly redis: RedisParts;
  /** Files that hold secrets, beside those of the upstream and the issuer. */
  readonly secretFiles: readonly FollowedFile[];
  readonly watcher: Pick<Watcher, 'watched'>;
  readonly streams: Pick<OpenStreams, 'count'>;
}

/** What operators and machines ask of all the parts: metrics, health, the status page, purges. */
export function openOps(config: Config, parts: OpsParts): { readonly app: Express; close(): void } {
  const { logger, lifecycle, lookup, issuers, metrics, count, upstream, redis, memory, watcher, streams } =
    parts;
  const { resilience, leakGuard } = upstream;
  metrics.watch({
    requestsInFlight: () => count.requestsInFlight,
    upstreamCircuitOpen: () => resilience.circuitOpen,
    upstreamInFlight: () => resilience.inFlight,
    upstreamQueued: () => resilience.queued,
    upstreamBudgetUsed: () => parts.upstreamCosts?.budgetUsed ?? 0,
    redisConfigured: () => redis.shared !== undefined,
    redisUp: redis.up,
    issuerKeysAvailable: issuers.keysAvailable,
    cacheMemoryBytes: () => memory.bytes,
    cacheMemoryEntries: () => memory.entries,
    eventStreamsOpen: () => streams.count,
    projectsWatched: () => watcher.watched,
    files: [...upstream.files, ...issuers.files, ...parts.secretFiles],
  });

  const ready = () => lifecycle.ready;
  const checks: readonly HealthCheck[] = [
    { name: 'lifecycle', run: () => ({ status: lifecycle.ready ? 'ok' : 'failed' }) },
    { name: 'issuer_keys', run: issuers.check },
    { name: 'redis', run: redis.check },
    { name: 'upstream', run: () => ({ status: resilience.circuitOpen ? 'degraded' : 'ok' }) },
  ];
  const status = openStatus(config, parts, () => readinessOf(ready, checks));
  const app = createOpsApp({
    renderMetrics: metricsRenderer(metrics.registry),
    ready,
    checks,
    status: status.report,
    async purge(kind, id) {
      lookup.forget(kind, id);
      redis.deliveries?.purged(kind, id);
      await redis.shared?.purge(kind, id);
      logger.event('project_purged', { kind });
    },
    events: count,
    leakGuard,
  });
  return { app, close: status.close };
}
