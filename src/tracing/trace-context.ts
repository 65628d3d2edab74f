import type { IncomingHttpHeaders } from 'node:http';
import { type Context, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { parseTraceParent, TraceState } from '@opentelemetry/core';

/**
 * The caller's span (W3C Trace Context), if it names one. Of `tracestate` what is well formed is kept in our spans, for
 * whoever the caller's tracing is by; it goes no further, since it is free text.
 */
export function callersContext({ traceparent, tracestate }: IncomingHttpHeaders): Context {
  const parsed = typeof traceparent === 'string' ? parseTraceParent(traceparent) : null;
  if (parsed === null) return ROOT_CONTEXT;
  const state = typeof tracestate === 'string' ? { traceState: new TraceState(tracestate) } : {};
  return trace.setSpanContext(ROOT_CONTEXT, { ...parsed, ...state, isRemote: true });
}

/** A span as `traceparent` names it. */
export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
