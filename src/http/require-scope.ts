import { HttpError } from '../errors.ts';
import type { AuthenticationEvents } from './authenticate.ts';
import type { Handler } from './request-context.ts';

/** Lets those alone on whose token carries a scope. */
export function requireScope(scope: string, events: AuthenticationEvents): Handler {
  return (_req, res, next) => {
    const { principal } = res.locals;
    // A route that forgot to authenticate lets nobody through.
    if (principal === undefined) throw new HttpError('token_missing');
    if (!principal.scopes.has(scope)) {
      const error = new HttpError('insufficient_scope', { scope });
      events.authenticationFailed(error.code);
      throw error;
    }
    next();
  };
}
