import { CLIENT_CLOSED_REQUEST } from '../http-conventions.ts';
import type { AppRequest, AppResponse, Handler, RequestFacts } from './request-context.ts';

export interface EndedRequest {
  readonly method: string;
  /** The status sent, or `CLIENT_CLOSED_REQUEST`. */
  readonly status: number;
  readonly seconds: number;
  /** Of these, those for which it was held because its caller asked for that. */
  readonly heldSeconds: number;
  readonly context: RequestFacts;
}

/** Facts about requests, for whoever counts or logs them. */
export interface HttpEvents {
  requestBegan(): void;
  requestEnded(request: EndedRequest): void;
}

/** Tells when a request begins and, once, when it is over. */
export function observe(events: HttpEvents): Handler {
  return (req, res, next) => {
    observeRequest(events, req, res, res.locals.startedAtMs, res.locals);
    next();
  };
}

/**
 * @param startedAtMs from `performance.now()`
 * @param context as it is in the end
 */
export function observeRequest(
  events: HttpEvents,
  { method }: Pick<AppRequest, 'method'>,
  res: AppResponse,
  startedAtMs: number,
  context: RequestFacts,
): void {
  events.requestBegan();
  // Emitted once.
  res.on('close', () => {
    const status = res.writableFinished || context.streaming ? res.statusCode : CLIENT_CLOSED_REQUEST;
    const nowMs = performance.now();
    const { held } = context;
    const heldSeconds = held === undefined ? 0 : ((held.untilMs ?? nowMs) - held.sinceMs) / 1000;
    events.requestEnded({ method, status, seconds: (nowMs - startedAtMs) / 1000, heldSeconds, context });
  });
}
