import type { Principal } from '../auth/principal.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import { HttpError } from '../errors.ts';
import { countHeader } from './raw-headers.ts';
import type { AppRequest, Handler } from './request-context.ts';

/** RFC 6750, 2.1. The scheme is taken in its registered spelling only: one token, one way to send it. */
const SCHEME = 'Bearer ';

/** Facts about callers who were not let in. `reason` is an error code. */
export interface AuthenticationEvents {
  authenticationFailed(reason: string): void;
}

/** Lets a request on only with a token that proves who is asking. */
export function authenticate(verifier: TokenVerifier, events: AuthenticationEvents): Handler {
  function refuse(error: unknown): never {
    if (error instanceof HttpError) events.authenticationFailed(error.code);
    throw error;
  }

  function verify(req: AppRequest) {
    try {
      return verifier.verify(bearerToken(req));
    } catch (error) {
      return refuse(error);
    }
  }

  return (req, res, next) => {
    const principal = verify(req);
    const letIn = (known: Principal) => {
      res.locals.principal = known;
      next();
    };
    // A token that was verified a moment ago needs no promise.
    return principal instanceof Promise ? principal.catch(refuse).then(letIn) : letIn(principal);
  };
}

function bearerToken(req: AppRequest): string {
  const { authorization } = req.headers;
  if (authorization === undefined) throw new HttpError('token_missing');
  if (countHeader(req.rawHeaders, 'authorization') > 1)
    throw new HttpError('token_invalid', { reason: 'sent twice' });
  if (!authorization.startsWith(SCHEME)) throw new HttpError('token_missing', { reason: 'scheme' });
  return authorization.slice(SCHEME.length);
}
