import type { Principal } from '../auth/principal.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import { HttpError } from '../errors.ts';
import type { CookieRules, CookieUsers } from './cookie-users.ts';
import { DPOP_SCHEME, possessionOf } from './possession.ts';
import { countHeader } from './raw-headers.ts';
import { addRecheck } from './recheck.ts';
import type { AppRequest, AppResponse, Handler } from './request-context.ts';

/** RFC 6750, 2.1. The scheme is taken in its registered spelling only: one token, one way to send it. */
const SCHEME = 'Bearer ';

/** Facts about callers who were not let in. `reason` is an error code. */
export interface AuthenticationEvents {
  authenticationFailed(reason: string): void;
}

/** How callers prove who they are. */
export interface Credentials {
  readonly verifier: TokenVerifier;
  /** `undefined` where browsers have no sessions here. */
  readonly cookieUsers: CookieUsers | undefined;
  /** Where callers reach this service, for proofs of DPoP; `undefined` where requests say it. */
  readonly publicUrl: string | undefined;
}

export type AuthenticationRules = Partial<CookieRules>;

/** Lets a request on only with a token that proves who is asking, or the cookie of a session. A token that is there decides alone. */
export function authenticate(
  { verifier, cookieUsers, publicUrl }: Credentials,
  events: AuthenticationEvents,
  { csrfRule = 'header', toEndSession = false }: AuthenticationRules = {},
): Handler {
  function refuse(error: unknown): never {
    if (error instanceof HttpError) events.authenticationFailed(error.code);
    throw error;
  }

  function verify(req: AppRequest, res: AppResponse) {
    try {
      const user =
        req.headers.authorization === undefined
          ? cookieUsers?.identify(req, res, { csrfRule, toEndSession })
          : undefined;
      if (user !== undefined) return user;
      const isBound = req.headers.authorization?.startsWith(DPOP_SCHEME) ?? false;
      const token = sentToken(req, isBound ? DPOP_SCHEME : SCHEME);
      if (typeof token !== 'string') throw token;
      if (!isBound) return verifier.verify(token);
      const possession = possessionOf(req, publicUrl);
      if (possession instanceof HttpError) throw possession;
      return verifier.verify(token, possession);
    } catch (error) {
      return refuse(error);
    }
  }

  return (req, res, next) => {
    const principal = verify(req, res);
    const { authorization } = req.headers;
    const letIn = (known: Principal) => {
      res.locals.principal = known;
      if (known.revocable && authorization !== undefined) {
        const token = authorization.replace(/^\S+ /, '');
        addRecheck(res, () => verifier.confirm(token));
      }
      next();
    };
    // A token that was verified a moment ago needs no promise.
    return principal instanceof Promise ? principal.catch(refuse).then(letIn) : letIn(principal);
  };
}

/** The token that a request carries for whoever has it, or what is wrong with how it does. */
export function bearerToken(req: Pick<AppRequest, 'headers' | 'rawHeaders'>): string | HttpError {
  return sentToken(req, SCHEME);
}

function sentToken(
  { headers, rawHeaders }: Pick<AppRequest, 'headers' | 'rawHeaders'>,
  scheme: string,
): string | HttpError {
  const { authorization } = headers;
  if (authorization === undefined) return new HttpError('token_missing');
  if (countHeader(rawHeaders, 'authorization') > 1)
    return new HttpError('token_invalid', { reason: 'sent twice' });
  if (!authorization.startsWith(scheme)) return new HttpError('token_missing', { reason: 'scheme' });
  return authorization.slice(scheme.length);
}
