import type { TokenVerifier } from '../auth/token-verifier.ts';
import { HttpError } from '../errors.ts';
import type { AppRequest, Handler } from './request-context.ts';

/** RFC 6750, 2.1. The scheme is taken in its registered spelling only: one token, one way to send it. */
const BEARER = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/;

/** Facts about callers who were not let in. `reason` is an error code. */
export interface AuthenticationEvents {
  authenticationFailed(reason: string): void;
}

/** Lets a request on only with a token that proves who is asking. */
export function authenticate(verifier: TokenVerifier, events: AuthenticationEvents): Handler {
  return async (req, res, next) => {
    try {
      const principal = verifier.verify(bearerToken(req));
      res.locals.principal = principal instanceof Promise ? await principal : principal;
    } catch (error) {
      if (error instanceof HttpError) events.authenticationFailed(error.code);
      throw error;
    }
    next();
  };
}

function bearerToken(req: AppRequest): string {
  const { authorization } = req.headers;
  if (authorization === undefined) throw new HttpError('token_missing');
  if (countAuthorization(req.rawHeaders) > 1) throw new HttpError('token_invalid', { reason: 'sent twice' });
  const token = BEARER.exec(authorization)?.[1];
  if (token !== undefined) return token;
  throw authorization.startsWith('Bearer ')
    ? new HttpError('token_invalid', { reason: 'characters' })
    : new HttpError('token_missing', { reason: 'scheme' });
}

/** Node keeps the first of several and says nothing; something in front may have looked at another. */
function countAuthorization(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 'authorization'.length && name.toLowerCase() === 'authorization') count += 1;
  }
  return count;
}
