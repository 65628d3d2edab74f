import type { ErrorRequestHandler } from 'express';
import { HttpError } from '../errors.ts';
import { challengeOf } from './challenge.ts';
import type { RequestContext } from './request-context.ts';
import { respond, UNSTORED_JSON } from './respond.ts';

export interface ErrorBody {
  readonly message: string;
  readonly code: string;
  readonly request_id: string;
}

/** The one place where an error becomes a response. Nothing but the catalogue's words goes out. */
export function errorHandler(
  realm: string,
): ErrorRequestHandler<unknown, unknown, unknown, unknown, RequestContext> {
  return (thrown: unknown, req, res, next) => {
    const error = toHttpError(thrown);
    res.locals.failure = { code: error.code, reason: error.reason, cause: error.cause };
    // A response that has begun can only be broken off, which is what Express's own handler does.
    if (res.headersSent) return next(thrown);
    const headers = [...UNSTORED_JSON];
    if (error.retryAfterSeconds !== undefined) headers.push('Retry-After', String(error.retryAfterSeconds));
    const challenge = challengeOf(error, realm, req.headers.authorization);
    if (challenge !== undefined) headers.push('WWW-Authenticate', challenge);
    headers.push(...Object.entries(error.headers).flat());
    respond(
      req,
      res,
      error.status,
      headers,
      Buffer.from(JSON.stringify(errorBody(error, res.locals.requestId))),
    );
  };
}

/** Magic Hour's error shape, made richer. */
export function errorBody(error: HttpError, requestId: string): ErrorBody {
  return { message: error.message, code: error.code, request_id: requestId };
}

function toHttpError(thrown: unknown): HttpError {
  if (thrown instanceof HttpError) return thrown;
  // Express's router could not decode the path; what it decodes is the project's id.
  if (thrown instanceof URIError) return new HttpError('invalid_project_id');
  return new HttpError('internal_error', { cause: thrown });
}
