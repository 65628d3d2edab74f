import type { Express } from 'express';
import { type ApiPage, type BrowserSessions, createApp } from '../app.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import type { Config } from '../config.ts';
import type { OpenStreams } from '../http/open-streams.ts';
import type { RefusalGate } from '../http/refusal-gate.ts';
import type { WebhookRoute } from '../http/serve-webhook.ts';
import type { LeakGuard } from '../leak-guard.ts';
import type { Logger } from '../log.ts';
import type { Lookup } from '../lookup/lookup.ts';
import type { Clock } from '../lookup/ports.ts';
import type { Watcher } from '../lookup/watcher.ts';
import type { Listeners } from '../metrics/listeners.ts';
import type { RequestLog } from '../request-log.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { OpenLimits } from './limits.ts';
import { openOwnership } from './ownership.ts';
import type { RedisParts } from './redis.ts';

/** What users ask, with the limits, the policy and the deadlines that the configuration sets. */
export function openPublic(
  config: Config,
  parts: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly logRequest: RequestLog;
    readonly lifecycle: RefusalGate & {
      /** Tells whoever waits for what would outlast a stop that it is too late. */
      answerInTime<T>(work: Promise<T>): Promise<T>;
    };
    readonly tracing: Pick<Tracing, 'requestEnded'>;
    readonly lookup: Lookup;
    readonly watcher: Watcher;
    readonly streams: OpenStreams;
    readonly verifier: TokenVerifier;
    readonly browserSessions: BrowserSessions | undefined;
    readonly redis: Pick<RedisParts, 'owners'>;
    readonly limits: OpenLimits;
    readonly leakGuard: LeakGuard;
    readonly webhooks: WebhookRoute | undefined;
    readonly count: Listeners;
    readonly apiDescription: () => string;
    readonly apiPage: ApiPage;
  },
): Express {
  const { clock, lifecycle, tracing, lookup, redis, count } = parts;
  return createApp({
    lookup: {
      ...lookup,
      find(request) {
        const found = lookup.find(request);
        return found instanceof Promise ? lifecycle.answerInTime(found) : found;
      },
    },
    watcher: parts.watcher,
    streams: parts.streams,
    verifier: parts.verifier,
    browserSessions: parts.browserSessions,
    ...openOwnership(config.auth, { owners: redis.owners, logger: parts.logger }),
    ...parts.limits,
    events: {
      requestBegan: count.requestBegan,
      requestEnded: tracing.requestEnded((request) => {
        count.requestEnded(request);
        parts.logRequest(request);
      }),
      authenticationFailed: count.authenticationFailed,
    },
    clock,
    corsOrigins: config.http.corsOrigins,
    trustProxy: config.http.trustProxy,
    publicUrl: config.auth.dpopPublicUrl,
    apiDescription: parts.apiDescription,
    apiPage: parts.apiPage,
    draining: lifecycle,
    leakGuard: parts.leakGuard,
    webhooks: parts.webhooks,
  });
}
