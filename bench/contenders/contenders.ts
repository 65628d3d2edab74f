import { setTimeout as sleep } from 'node:timers/promises';
import { type ServiceContender, startServiceContender } from '../support/contender.ts';
import { scrape } from '../support/scrape.ts';
import type { BareKind, FullKind } from './kinds.ts';
import { startHaProxy } from './start-haproxy.ts';
import { startBare, startFull } from './start-node.ts';

const REDIS_PATIENCE_MS = 10_000;
const POLL_MS = 20;

const SECONDS_COUNT = ['http_request_duration_seconds_count'] as const;

export const bareNode: BareKind = {
  name: 'bare node:http',
  start: (ring) => startBare('bare-node.ts', ring),
};

export const bareExpress: BareKind = {
  name: 'bare Express 5',
  start: (ring) => startBare('bare-express.ts', ring),
};

export const serviceInMemory: FullKind = {
  name: 'magic-hour-bff, memory only',
  requestsMetric: SECONDS_COUNT,
  start: ({ upstream, issuer }, settings) =>
    startServiceContender('magic-hour-bff', { upstream, issuer, ...settings }),
};

export const serviceWithRedis: FullKind = {
  name: 'magic-hour-bff, with Redis',
  requestsMetric: SECONDS_COUNT,
  async start({ upstream, issuer, redis }, settings) {
    const parts = { upstream, issuer, redisUrl: redis.url };
    const service = await startServiceContender('magic-hour-bff', { ...parts, ...settings });
    await redisUp(service);
    return service;
  },
};

export const naiveExpress: FullKind = {
  name: 'naive Express 5, with Redis',
  requestsMetric: SECONDS_COUNT,
  start: (ring, settings) => startFull('naive-express.ts', ring, settings),
};

export const fastify: FullKind = {
  name: 'Fastify 5 and its plugins',
  requestsMetric: SECONDS_COUNT,
  start: (ring, settings) => startFull('fastify.ts', ring, settings),
};

export const haProxy: FullKind = {
  name: 'HAProxy',
  requestsMetric: ['haproxy_frontend_http_requests_total', 'proxy="public"'],
  start: startHaProxy,
};

export const BARE_KINDS: readonly BareKind[] = [bareNode, bareExpress];
export const FULL_KINDS: readonly FullKind[] = [
  serviceInMemory,
  serviceWithRedis,
  naiveExpress,
  fastify,
  haProxy,
];

/** It is ready without Redis, too, and counts for itself until it has reached it. */
async function redisUp(service: ServiceContender): Promise<void> {
  const deadline = AbortSignal.any([service.gone, AbortSignal.timeout(REDIS_PATIENCE_MS)]);
  while ((await scrape(service.opsUrl))('redis_up') !== 1) {
    if (deadline.aborted) {
      await service[Symbol.asyncDispose]();
      throw new Error('the service has not reached Redis');
    }
    await sleep(POLL_MS);
  }
}
