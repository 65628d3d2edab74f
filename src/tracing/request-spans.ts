import type { RequestListener } from 'node:http';
import { type Span, SpanKind, type Tracer } from '@opentelemetry/api';
import type { EndedRequest } from '../http/observe.ts';
import { CLIENT_CLOSED_REQUEST, NAMED_METHODS, NO_ROUTE } from '../http-conventions.ts';
import type { ActiveSpan } from './active-span.ts';
import { fail } from './spans.ts';
import { callersContext, traceparentOf } from './trace-context.ts';

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
const OTHER_METHOD = '_OTHER';
const NAME_OF_OTHERS = 'HTTP';

export interface RequestSpans {
  /** Stands in front of the whole pipeline. */
  listener(app: RequestListener): RequestListener;
  ended(request: EndedRequest): void;
}

/**
 * One span a request, whichever way it takes. The request's `traceparent` becomes this span's: what is logged, counted and
 * asked for on its behalf names the span that is exported, and by that name `ended` finds it again.
 */
export function createRequestSpans(tracer: Tracer, active: ActiveSpan): RequestSpans {
  const open = new Map<string, Span>();
  return {
    listener: (app) => (req, res) => {
      const method = methodOf(req.method);
      const attributes = { 'http.request.method': method, 'url.scheme': 'http' };
      const span = tracer.startSpan(
        nameOf(method),
        { kind: SpanKind.SERVER, attributes },
        callersContext(req.headers),
      );
      const traceparent = traceparentOf(span);
      req.headers.traceparent = traceparent;
      if (!span.isRecording()) return app(req, res);
      open.set(traceparent, span);
      active.run(span, () => app(req, res));
    },
    ended(request) {
      const { traceparent = '' } = request.context;
      const span = open.get(traceparent);
      if (span === undefined) return;
      open.delete(traceparent);
      tell(span, request);
      span.end();
    },
  };
}

function tell(span: Span, { method, status, context: { route, result, failure } }: EndedRequest): void {
  if (route !== NO_ROUTE) {
    span.updateName(`${nameOf(methodOf(method))} ${route}`);
    span.setAttribute('http.route', route);
  }
  if (result !== undefined) span.setAttribute('bff.cache.result', result);
  if (status === CLIENT_CLOSED_REQUEST) {
    // No status was sent, or not to the end.
    span.setAttribute('error.type', 'client_closed_request');
    return;
  }
  span.setAttribute('http.response.status_code', status);
  // What is the caller's fault is no error of this span by the conventions, but what it was is worth knowing.
  if (status >= 500) fail(span, failure?.code ?? `${status}`);
  else if (failure !== undefined) span.setAttribute('error.type', failure.code);
}

function methodOf(method = ''): string {
  return NAMED_METHODS.has(method) ? method : OTHER_METHOD;
}

function nameOf(method: string): string {
  return method === OTHER_METHOD ? NAME_OF_OTHERS : method;
}
