import { readFileSync } from 'node:fs';
import { createApp, LOOKUP_KINDS, templateOf } from './app.ts';
import { authenticatedPolicy } from './auth/access-policy.ts';
import { createTokenVerifier } from './auth/token-verifier.ts';
import { createMemoryCache } from './cache/memory-cache.ts';
import type { Config } from './config.ts';
import { limitByAddress, limitByUser } from './http/limit.ts';
import { listen } from './http/listen.ts';
import { type HealthCheck, readinessOf } from './http/serve-health.ts';
import type { Logger } from './log.ts';
import { createLookup } from './lookup/lookup.ts';
import type { Clock } from './lookup/ports.ts';
import type { Kind } from './lookup/project.ts';
import { countingListeners } from './metrics/listeners.ts';
import { createMetrics, metricsRenderer } from './metrics/metrics.ts';
import { createOpsApp } from './ops-app.ts';
import type { RequestLog } from './request-log.ts';
import { createLifecycle } from './shutdown.ts';
import { openIssuerKeys } from './wiring/issuer-keys.ts';
import { openRedis } from './wiring/redis.ts';
import { openStatus } from './wiring/status.ts';
import { openTracing } from './wiring/tracing.ts';
import { openUpstream } from './wiring/upstream.ts';

/** How long a stop waits for the collector at the most, where the grace has as much left. */
const LAST_SPANS_MS = 2000;

export interface Service {
  /** Addresses that this machine can reach the listeners at. */
  readonly publicUrl: string;
  readonly opsUrl: string;
  /** Unready → delay → drain → close. @returns whether it was all done within the grace */
  stop(): Promise<boolean>;
}

export interface ServiceDependencies {
  readonly logger: Logger;
  readonly logRequest: RequestLog;
  readonly clock: Clock;
  readonly version: string;
  readonly nodeVersion: string;
}

/** Puts the parts together and starts both listeners. */
export async function startService(config: Config, deps: ServiceDependencies): Promise<Service> {
  const { logger, clock, version } = deps;
  const metrics = createMetrics(
    { version, node: deps.nodeVersion },
    LOOKUP_KINDS.map((kind) => ({ kind, route: templateOf(kind) })),
  );
  const count = countingListeners(metrics);
  const lifecycle = createLifecycle();
  const tracing = await openTracing(config, { logger, version });

  const { keys, files: issuerFiles, close: closeKeys } = openIssuerKeys(config.auth, clock, logger);
  const upstream = openUpstream(config.upstream, {
    clock,
    events: count,
    logger,
    userAgent: `magic-hour-bff/${version}`,
    tracing,
  });
  const redis = openRedis(config, {
    logger,
    clock,
    onFailed: count.redisFailed,
    onCertificate: (expiresAtMs) => count.certificateSeen('redis', expiresAtMs),
    tracing,
    onPurge: (kind, id) => lookup.forget(kind, id),
  });
  const memory = createMemoryCache({
    maxBytes: config.cache.memoryMaxBytes,
    trustMs: redis.shared === undefined ? Number.POSITIVE_INFINITY : config.cache.memoryTtlSeconds * 1000,
    clock,
  });
  const lookup = createLookup({
    memory,
    shared: redis.shared,
    upstream: upstream.magicHour,
    clock,
    policy: config.cache,
    events: count,
  });

  metrics.watch({
    requestsInFlight: () => count.requestsInFlight,
    upstreamCircuitOpen: () => upstream.resilience.circuitOpen,
    upstreamInFlight: () => upstream.resilience.inFlight,
    upstreamQueued: () => upstream.resilience.queued,
    redisConfigured: () => redis.shared !== undefined,
    redisUp: redis.up,
    issuerKeysAvailable: () => keys.available,
    cacheMemoryBytes: () => memory.bytes,
    cacheMemoryEntries: () => memory.entries,
    files: [...upstream.files, ...issuerFiles],
  });

  const { max, ipMax, windowSeconds } = config.rateLimit;
  const app = createApp({
    lookup: {
      ...lookup,
      find(request) {
        const found = lookup.find(request);
        return found instanceof Promise ? lifecycle.answerInTime(found) : found;
      },
    },
    verifier: tracing.verifier(createTokenVerifier(keys, config.auth, clock)),
    accessPolicy: authenticatedPolicy,
    limitByAddress: limitByAddress({
      max: ipMax,
      windowSeconds,
      store: redis.limitStore('ip', ipMax),
      events: count,
    }),
    limitByUser: limitByUser({ max, windowSeconds, store: redis.limitStore('user', max), events: count }),
    events: {
      requestBegan: count.requestBegan,
      requestEnded: tracing.requestEnded((request) => {
        count.requestEnded(request);
        deps.logRequest(request);
      }),
      authenticationFailed: count.authenticationFailed,
    },
    clock,
    corsOrigins: config.http.corsOrigins,
    trustProxy: config.http.trustProxy,
    apiDescription: readApiDescription,
    draining: lifecycle,
    leakGuard: upstream.leakGuard,
  });
  const ready = () => lifecycle.ready;
  const checks: readonly HealthCheck[] = [
    { name: 'lifecycle', run: () => ({ status: lifecycle.ready ? 'ok' : 'failed' }) },
    { name: 'issuer_keys', run: () => ({ status: keys.available ? 'ok' : 'degraded' }) },
    { name: 'redis', run: redis.check },
    { name: 'upstream', run: () => ({ status: upstream.resilience.circuitOpen ? 'degraded' : 'ok' }) },
  ];
  const status = openStatus(config, {
    readiness: () => readinessOf(ready, checks),
    clock,
    version,
    nodeVersion: deps.nodeVersion,
    metrics,
    upstream,
    redis,
    memory,
    requestsInFlight: () => count.requestsInFlight,
  });
  const opsApp = createOpsApp({
    renderMetrics: metricsRenderer(metrics.registry),
    ready,
    checks,
    status: status.report,
    async purge(kind: Kind, id: string) {
      lookup.forget(kind, id);
      await redis.shared?.purge(kind, id);
      logger.event('project_purged', { kind });
    },
    events: count,
    leakGuard: upstream.leakGuard,
  });

  const publicListener = await listen(tracing.listener(app), config.http.host, config.http.port, 'public');
  const opsListener = await listen(opsApp, config.ops.host, config.ops.port, 'ops').catch(
    (error: unknown) => {
      publicListener.server.close();
      throw error;
    },
  );
  lifecycle.started();
  // A failure is told by the keys themselves, and the first token asks for them again.
  void keys.warmUp();

  return {
    publicUrl: publicListener.url,
    opsUrl: opsListener.url,
    async stop() {
      const endsAtMs = performance.now() + config.shutdown.graceSeconds * 1000;
      const finished = await lifecycle.stop([publicListener], {
        delayMs: config.shutdown.delaySeconds * 1000,
        graceMs: config.shutdown.graceSeconds * 1000,
      });
      opsListener.server.close();
      opsListener.server.closeAllConnections();
      status.close();
      upstream.close();
      closeKeys();
      await redis.close();
      await tracing.close(Math.min(LAST_SPANS_MS, Math.max(0, endsAtMs - performance.now())));
      return finished;
    },
  };
}

/** Of docs/openapi.json, without the white space that is for people. */
function readApiDescription(): string {
  const text = readFileSync(new URL('../docs/openapi.json', import.meta.url), 'utf8');
  return JSON.stringify(JSON.parse(text));
}
