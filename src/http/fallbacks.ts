import { HttpError } from '../errors.ts';
import type { Handler } from './request-context.ts';

export function notFound(): Handler {
  return () => {
    throw new HttpError('not_found', { reason: 'no such route' });
  };
}

/** For a path that exists, with a method that it doesn't take (RFC 9110, 15.5.6). */
export function methodNotAllowed(...allowed: readonly string[]): Handler {
  const headers = { Allow: allowed.join(', ') };
  return () => {
    throw new HttpError('method_not_allowed', { headers });
  };
}

/** Names the route for logs and metrics, by its template: never a raw path. */
export function nameRoute(template: string): Handler {
  return (_req, res, next) => {
    res.locals.route = template;
    next();
  };
}
