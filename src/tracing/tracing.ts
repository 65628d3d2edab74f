import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import type { RedisGuard } from '../cache/redis-guard.ts';
import type { Settings } from '../config-schema.ts';
import type { HttpEvents } from '../http/observe.ts';
import type { Upstream } from '../lookup/ports.ts';
import type { Transport } from '../upstream/transport.ts';
import { createActiveSpan } from './active-span.ts';
import { traceAuthentication } from './authentication-spans.ts';
import { createExporter, type ExportEvents } from './exporter.ts';
import { traceRedis } from './redis-spans.ts';
import { createRequestSpans } from './request-spans.ts';
import { createSampler } from './sampler.ts';
import { createUpstreamSpans } from './upstream-spans.ts';

/** Spans are made by what is put around the parts. The parts themselves know nothing of it. */
export interface Tracing {
  listener(app: RequestListener): RequestListener;
  requestEnded(tell: HttpEvents['requestEnded']): HttpEvents['requestEnded'];
  verifier(verifier: TokenVerifier): TokenVerifier;
  redis(guard: RedisGuard): RedisGuard;
  upstream(upstream: Upstream): Upstream;
  transport(transport: Transport): Transport;
  /** Sends what is left, for so long at the most. */
  close(limitMs: number): Promise<void>;
}

/**
 * OpenTelemetry without its globals: a provider of our own that is handed to whoever makes spans.
 *
 * @param options.upstreamUrl told in spans without its path
 */
export function startTracing(
  settings: Settings['tracing'] & { readonly endpoint: string },
  options: { readonly version: string; readonly upstreamUrl: string; readonly events: ExportEvents },
): Tracing {
  const resource = defaultResource().merge(
    resourceFromAttributes({
      'service.instance.id': randomUUID(),
      ...settings.resourceAttributes,
      'service.name': settings.serviceName,
      'service.version': options.version,
    }),
  );
  const exporter = createExporter(settings, options.events);
  const provider = new TracerProvider({
    resource,
    sampler: createSampler(settings),
    // Bounded: where the collector takes less than comes in, spans are dropped and nobody waits.
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer('magic-hour-bff', options.version);
  const active = createActiveSpan();
  const requests = createRequestSpans(tracer, active);
  const { upstream, transport } = createUpstreamSpans(tracer, active, options.upstreamUrl);
  return {
    listener: requests.listener,
    requestEnded: (tell) => (request) => {
      tell(request);
      requests.ended(request);
    },
    verifier: (verifier) => traceAuthentication(verifier, tracer, active),
    redis: (guard) => traceRedis(guard, tracer, active),
    upstream,
    transport,
    async close(limitMs) {
      const over = new AbortController();
      const tooLate = delay(limitMs, undefined, over).catch(() => undefined);
      await Promise.race([provider.shutdown().catch(() => undefined), tooLate]);
      over.abort();
    },
  };
}
