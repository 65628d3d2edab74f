import type { Principal } from '../auth/principal.ts';
import { HttpError } from '../errors.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { cookieOf, SESSION_COOKIE, setCookie } from './cookies.ts';
import { addRecheck } from './recheck.ts';
import type { AppRequest, AppResponse } from './request-context.ts';

/**
 * How a request has to show that it comes from a page of ours: by `X-CSRF: 1`, which no other origin's page can send; or, for what
 * browsers ask for without a script's headers (EventSource), by what they say of themselves.
 */
export type CsrfRule = 'header' | 'header or fetch metadata';

export interface CookieRules {
  readonly csrfRule: CsrfRule;
  /** Whether the request is to end the session that it comes with. */
  readonly toEndSession: boolean;
}

/** Those who come with a session's cookie in place of a token. */
export interface CookieUsers {
  /**
   * @returns `undefined` for a request without the cookie
   * @throws HttpError csrf_required, token_invalid, token_expired, authentication_unavailable
   */
  identify(req: AppRequest, res: AppResponse, rules: CookieRules): Promise<Principal> | undefined;
}

/** @param origins of pages that may call, beside this service's own */
export function cookieUsers(
  sessions: Pick<Sessions, 'identify' | 'recheck'>,
  origins: readonly string[],
): CookieUsers {
  async function open(secret: string, res: AppResponse, toEndSession: boolean): Promise<Principal> {
    // A cookie that is good for nothing any more is left where it is: a login in another tab may have set the next one meanwhile.
    const found = await sessions.identify(secret, { toEndSession });
    res.locals.session = found;
    addRecheck(res, () => sessions.recheck(secret));
    return found.principal;
  }

  return {
    identify(req, res, { csrfRule, toEndSession }) {
      const secret = cookieOf(req.headers.cookie, SESSION_COOKIE);
      if (secret === undefined) return undefined;
      const fromOurPage =
        req.headers['x-csrf'] === '1' || (csrfRule !== 'header' && saysOurPage(req.headers, origins));
      if (!fromOurPage) throw new HttpError('csrf_required');
      return open(secret, res, toEndSession);
    },
  };
}

export function clearSessionCookie(): string {
  return setCookie(SESSION_COOKIE, '', { sameSite: 'Strict', maxAgeSeconds: 0 });
}

/** https://www.w3.org/TR/fetch-metadata/; where a browser says both, both have to be right. */
function saysOurPage(
  { origin, 'sec-fetch-site': site }: AppRequest['headers'],
  origins: readonly string[],
): boolean {
  if (origin !== undefined) return origins.includes(origin) && site !== 'cross-site';
  return site === 'same-origin';
}
