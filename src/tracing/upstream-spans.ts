import { type Context, type Span, SpanKind, type Tracer } from '@opentelemetry/api';
import type { Upstream } from '../lookup/ports.ts';
import type { Transport } from '../upstream/transport.ts';
import { type ActiveSpan, contextOf } from './active-span.ts';
import { fail, within } from './spans.ts';
import { traceparentOf } from './trace-context.ts';

export interface UpstreamSpans {
  /** A span for what a lookup asks of the upstream, with its attempts, the pauses between them and the wait for a place. */
  upstream(upstream: Upstream): Upstream;
  /** A span for each attempt. */
  transport(transport: Transport): Transport;
}

interface Asked {
  readonly context: Context;
  readonly template: string;
  attempts: number;
}

/**
 * An attempt finds what it belongs to by the `traceparent` that goes along with it, since it may begin when another's ends,
 * and so in the other's context.
 */
export function createUpstreamSpans(tracer: Tracer, active: ActiveSpan, baseUrl: string): UpstreamSpans {
  const asked = new Map<string, Asked>();
  const { hostname, port, protocol } = new URL(baseUrl);
  const server = {
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
  };

  function startAttempt({ context, template, attempts }: Asked): Span {
    const resent = attempts === 0 ? {} : { 'http.request.resend_count': attempts };
    const attributes = {
      'http.request.method': 'GET',
      'url.template': template,
      ...server,
      ...resent,
    };
    return tracer.startSpan(`GET ${template}`, { kind: SpanKind.CLIENT, attributes }, context);
  }

  return {
    upstream: ({ fetchProject }) => ({
      async fetchProject(kind, id, trace) {
        const parent = active.parent();
        if (parent === undefined) return fetchProject(kind, id, trace);
        const span = tracer.startSpan('ask the upstream', {}, parent);
        const traceparent = traceparentOf(span);
        asked.set(traceparent, {
          context: contextOf(span),
          template: `/v1/${kind}-projects/{id}`,
          attempts: 0,
        });
        try {
          return await within(span, () => fetchProject(kind, id, { traceparent }));
        } finally {
          asked.delete(traceparent);
        }
      },
    }),
    transport: (transport) => ({
      async get(path, headers, limitMs) {
        const lookup = asked.get(headers.traceparent ?? '');
        if (lookup === undefined) return transport.get(path, headers, limitMs);
        const span = startAttempt(lookup);
        lookup.attempts += 1;
        return within(span, async () => {
          const response = await transport.get(
            path,
            { ...headers, traceparent: traceparentOf(span) },
            limitMs,
          );
          span.setAttribute('http.response.status_code', response.status);
          if (response.status >= 400) fail(span, `${response.status}`);
          return response;
        });
      },
      close: transport.close,
    }),
  };
}
