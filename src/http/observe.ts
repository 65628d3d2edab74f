import type { Handler, RequestContext } from './request-context.ts';

export interface EndedRequest {
  readonly method: string;
  /** The status sent; 499 where the caller left before the end (nginx's convention). */
  readonly status: number;
  readonly seconds: number;
  readonly context: Readonly<RequestContext>;
}

/** Facts about requests, for whoever counts or logs them. */
export interface HttpEvents {
  requestBegan(): void;
  requestEnded(request: EndedRequest): void;
}

const CLIENT_CLOSED_REQUEST = 499;

/** Tells when a request begins and, once, when it is over. */
export function observe(events: HttpEvents): Handler {
  return (req, res, next) => {
    events.requestBegan();
    res.once('close', () => {
      const context = res.locals;
      const status = res.writableFinished ? res.statusCode : CLIENT_CLOSED_REQUEST;
      const seconds = (performance.now() - context.startedAtMs) / 1000;
      events.requestEnded({ method: req.method, status, seconds, context });
    });
    next();
  };
}
