import { readFileSync } from 'node:fs';
import { templateOf } from './app.ts';
import { createProofCheck } from './auth/dpop.ts';
import { createTokenVerifier } from './auth/token-verifier.ts';
import { createMemoryCache } from './cache/memory-cache.ts';
import type { Config } from './config.ts';
import { listen } from './http/listen.ts';
import { createOpenStreams } from './http/open-streams.ts';
import type { Logger } from './log.ts';
import { createLookup } from './lookup/lookup.ts';
import type { Clock } from './lookup/ports.ts';
import { KINDS } from './lookup/project.ts';
import { createWatcher } from './lookup/watcher.ts';
import { countingListeners } from './metrics/listeners.ts';
import { createMetrics } from './metrics/metrics.ts';
import type { RequestLog } from './request-log.ts';
import { createLifecycle } from './shutdown.ts';
import { openIssuers } from './wiring/issuers.ts';
import { openLimits } from './wiring/limits.ts';
import { openOps } from './wiring/ops.ts';
import { openPublic } from './wiring/public.ts';
import { openRedis } from './wiring/redis.ts';
import { openSessionSecrets } from './wiring/session-secrets.ts';
import { openSessions } from './wiring/sessions.ts';
import { openTracing } from './wiring/tracing.ts';
import { openUpstream } from './wiring/upstream.ts';
import { openWebhookSecrets } from './wiring/webhook-secrets.ts';
import { openWebhooks } from './wiring/webhooks.ts';

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
    KINDS.map((kind) => ({ kind, route: templateOf(kind) })),
  );
  const count = countingListeners(metrics);
  const lifecycle = createLifecycle();
  const tracing = await openTracing(config, { logger, version });

  const issuers = openIssuers(config.auth, { clock, logger, count });
  const webhookSecrets = openWebhookSecrets(config.webhooks, logger);
  const sessionSecrets = openSessionSecrets(config.session, logger);
  const upstream = openUpstream(config.upstream, {
    clock,
    events: count,
    logger,
    otherSecrets: () => [...webhookSecrets.all(), ...sessionSecrets.all(), ...issuers.secrets()],
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
    onNews(kind, id, etag, delivered) {
      if (delivered) lookup.deliveredElsewhere(kind, id);
      else lookup.outdate(kind, id, etag);
      watcher.heardOf(kind, id, etag);
    },
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
    deliveries: redis.deliveries,
    upstreamIsOut: () => upstream.resilience.circuitOpen,
    answered(kind, id, answer) {
      redis.deliveries?.lookedUp(kind, id, answer);
      watcher.heard(kind, id, answer);
    },
  });
  const limits = openLimits(config, { redis, clock, logger, count });
  const watcher = createWatcher({
    lookup,
    shared: redis.watches,
    clock,
    policy: {
      ...config.watch,
      minIntervalMs: Math.max(config.watch.minIntervalMs, config.cache.pendingTtlMs),
    },
  });
  const streams = createOpenStreams(config.events.maxStreamsPerUser);

  const verifier = tracing.verifier(
    createTokenVerifier(issuers.judge, createProofCheck(redis.seenProofs, clock), clock),
  );
  const browserSessions = await openSessions(config, {
    clock,
    logger,
    secrets: sessionSecrets,
    redis: redis.connection,
    keys: issuers.first,
    verifier,
    count,
  });

  const app = openPublic(config, {
    clock,
    logger,
    logRequest: deps.logRequest,
    lifecycle,
    tracing,
    lookup,
    watcher,
    streams,
    verifier,
    browserSessions,
    redis,
    limits,
    leakGuard: upstream.leakGuard,
    webhooks: openWebhooks(config, {
      secrets: webhookSecrets,
      lookup,
      watcher,
      clock,
      leakGuard: upstream.leakGuard,
      count,
      logger,
    }),
    count,
    apiDescription: readApiDescription,
    apiPage: {
      markup: () => readDocument('page/index.html'),
      style: () => readDocument('page/page.css'),
      script: () => readDocument('page/page.js'),
    },
  });
  const ops = openOps(config, {
    ...deps,
    lifecycle,
    lookup,
    metrics,
    count,
    issuers,
    upstream,
    upstreamCosts: limits.upstreamCosts,
    redis,
    memory,
    watcher,
    streams,
    secretFiles: [...webhookSecrets.files, ...sessionSecrets.files],
  });

  const publicListener = await listen(tracing.listener(app), config.http.host, config.http.port, 'public');
  const opsListener = await listen(ops.app, config.ops.host, config.ops.port, 'ops').catch(
    (error: unknown) => {
      publicListener.server.close();
      throw error;
    },
  );
  lifecycle.started();
  // A failure is told by the keys themselves, and the first token asks for them again.
  void issuers.warmUp();

  return {
    publicUrl: publicListener.url,
    opsUrl: opsListener.url,
    async stop() {
      const endsAtMs = performance.now() + config.shutdown.graceSeconds * 1000;
      const stopping = lifecycle.stop([publicListener], {
        delayMs: config.shutdown.delaySeconds * 1000,
        graceMs: config.shutdown.graceSeconds * 1000,
      });
      // Those who wait are answered now, as by a replica that is not to be asked again.
      watcher.stop();
      const finished = await stopping;
      opsListener.server.close();
      opsListener.server.closeAllConnections();
      ops.close();
      upstream.close();
      issuers.close();
      webhookSecrets.close();
      sessionSecrets.close();
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

/** @param path within docs/ */
function readDocument(path: string): string {
  return readFileSync(new URL(`../docs/${path}`, import.meta.url), 'utf8');
}
