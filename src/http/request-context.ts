import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Request, RequestHandler } from 'express';
import type { Principal } from '../auth/principal.ts';
import type { ErrorCode } from '../errors.ts';
import { NO_ROUTE } from '../http-conventions.ts';
import type { LeakGuard } from '../leak-guard.ts';
import type { Payer } from '../lookup/payer.ts';
import type { LookupResult } from '../lookup/ports.ts';
import type { OpenSession } from '../sessions/sessions.ts';
import type { RefusalGate } from './refusal-gate.ts';

/** What is told of a request when it is over. */
export interface RequestFacts {
  readonly requestId: string;
  /** The route's template; `unmatched` until one is found. */
  readonly route: string;
  readonly traceparent: string | undefined;
  readonly principal?: Principal;
  readonly result?: LookupResult;
  readonly lookupMs?: number;
  /** While the caller had it wait, from `performance.now()`; still so at the end of an event stream. */
  readonly held?: { readonly sinceMs: number; readonly untilMs: number | undefined };
  /** An event stream was begun: its caller may leave at any time. */
  readonly streaming?: boolean;
  readonly failure?: {
    readonly code: ErrorCode;
    readonly reason: string | undefined;
    readonly cause: unknown;
  };
}

/** What is known of a request while it is under way; Express keeps it in `res.locals`. */
export interface RequestContext extends RequestFacts {
  requestId: string;
  /** Headers of the response so far, names and values in turn; see respond.ts. */
  headers: string[];
  /** Sees every response before it goes out. */
  leakGuard: LeakGuard;
  /** From `performance.now()`. */
  startedAtMs: number;
  /** On the public listener alone. */
  gate?: RefusalGate;
  route: string;
  traceparent: string | undefined;
  /** Set by validation. */
  lookup?: {
    readonly id: string;
    readonly minValidSeconds: number | undefined;
    readonly waitSeconds: number | undefined;
  };
  /** Set by authentication. */
  principal?: Principal;
  /** Pays for the lookup, where that costs anything. */
  payer?: Payer;
  /** Pays for polls of what the caller follows. */
  followerPayer?: Payer;
  /** Set by authentication, where the caller came with a session's cookie. */
  session?: OpenSession;
  /**
   * What was decided as the request came and can change: asked again before anything is told later than at once (the end of a
   * wait, a stream's next state). Each throws where it no longer holds.
   */
  rechecks?: Recheck[];
  /** Set by the lookup. */
  result?: LookupResult;
  lookupMs?: number;
  /** Set by whoever holds it. */
  held?: { sinceMs: number; untilMs: number | undefined };
  streaming?: boolean;
  /** Set by the error handler. */
  failure?: NonNullable<RequestFacts['failure']>;
}

export type Recheck = () => void | Promise<void>;

export type Handler = RequestHandler<Request['params'], unknown, unknown, Request['query'], RequestContext>;
export type AppRequest = Parameters<Handler>[0];
export type AppResponse = Parameters<Handler>[1];

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** W3C Trace Context, version 00; an id of zeros alone is not one. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Gives every request its context, and its id to the caller. */
export function requestContext(leakGuard: LeakGuard): Handler {
  return (req, res, next) => {
    const requestId = requestIdOf(req.headers, leakGuard);
    res.locals.requestId = requestId;
    res.locals.leakGuard = leakGuard;
    res.locals.startedAtMs = performance.now();
    res.locals.route = NO_ROUTE;
    res.locals.traceparent = traceparentOf(req.headers);
    res.locals.headers = ['X-Request-Id', requestId];
    next();
  };
}

/** The caller's own id, if it is a sound one. */
export function requestIdOf({ 'x-request-id': asked }: IncomingHttpHeaders, leakGuard: LeakGuard): string {
  // It is repeated in the response and the log, where a key has no place even if its caller knows it.
  const usable = typeof asked === 'string' && REQUEST_ID.test(asked) && !leakGuard.finds(asked);
  return usable ? asked : randomUUID();
}

export function traceparentOf({ traceparent }: IncomingHttpHeaders): string | undefined {
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined;
}
