import { HttpError } from '../errors.ts';
import { LOGIN_SECONDS, type Login, STATE } from '../sessions/login.ts';
import { type Provider, ProviderError } from '../sessions/provider.ts';
import type { ReturnTo } from '../sessions/return-to.ts';
import type { OpenSession, Sessions } from '../sessions/sessions.ts';
import { unavailable } from '../sessions/unavailable.ts';
import { clearSessionCookie } from './cookie-users.ts';
import { cookieNames, cookieOf, LOGIN_COOKIE_PREFIX, SESSION_COOKIE, setCookie } from './cookies.ts';
import { queryValue } from './query-value.ts';
import type { AppRequest, AppResponse, Handler } from './request-context.ts';
import { NO_STORE, respond, UNSTORED_JSON } from './respond.ts';

/** Of logins that were begun at the same time, in tabs; the oldest are given up. */
const MAX_LOGINS = 5;
/** Of a state: enough to tell the logins of one browser apart. */
const COOKIE_NAME_LENGTH = 16;

export type LoginResult = 'succeeded' | 'refused' | 'failed' | 'unavailable';

/** How sessions end that their users or the provider end. */
export type SessionEnding = 'logout' | 'everywhere' | 'provider';

export interface SessionEvents {
  /** @param reason of one that did not succeed: a code, nothing of the user's */
  loginEnded(result: LoginResult, reason?: string): void;
  /** @param userKey if it is known here */
  sessionsEnded(how: SessionEnding, count: number, userKey?: string): void;
}

export interface AuthRoutes {
  readonly sessions: Pick<Sessions, 'begin' | 'end' | 'endAll' | 'endBefore'>;
  readonly login: Login;
  readonly logoutUrl: Provider['logoutUrl'];
  readonly returnTo: ReturnTo;
  /** Origin of this service, as browsers see it. */
  readonly baseUrl: string;
  readonly events: SessionEvents;
}

/** Sends the browser to the provider. */
export function serveLogin({ login, returnTo, events }: AuthRoutes): Handler {
  return async (req, res) => {
    // Nothing but a navigation brings a user to the provider; pictures and frames of other pages only leave cookies here.
    const { 'sec-fetch-dest': destination = 'document' } = req.headers;
    if (destination !== 'document') throw new HttpError('invalid_request', { reason: 'no navigation' });
    const target = returnTo(queryValue(req.url, 'return_to'));
    if (target === undefined) throw new HttpError('invalid_parameter', { reason: 'return_to' });
    const begun = await login
      .begin(target, cookieOf(req.headers.cookie, SESSION_COOKIE))
      .catch((error: unknown) => {
        events.loginEnded('unavailable', failureOf(error).reason);
        return unavailable(error);
      });
    const name = `${LOGIN_COOKIE_PREFIX}${begun.state.slice(0, COOKIE_NAME_LENGTH)}`;
    const others = cookieNames(req.headers.cookie).filter((each) => each.startsWith(LOGIN_COOKIE_PREFIX));
    const cookies = [
      ...others.slice(0, Math.max(0, others.length + 1 - MAX_LOGINS)).map(clearLoginCookie),
      setCookie(name, begun.sealed, { sameSite: 'Lax', maxAgeSeconds: LOGIN_SECONDS }),
    ];
    redirect(req, res, begun.providerUrl.href, cookies);
  };
}

/** Takes the browser back from the provider, gives it a session, and sends it to the page that it asked for. */
export function serveCallback({ sessions, login, baseUrl, events }: AuthRoutes): Handler {
  return async (req, res) => {
    const state = queryValue(req.url, 'state') ?? '';
    const name = `${LOGIN_COOKIE_PREFIX}${state.slice(0, COOKIE_NAME_LENGTH)}`;
    const sealed = STATE.test(state) ? cookieOf(req.headers.cookie, name) : undefined;
    const ended = sealed && (await login.end(new URL(req.url, baseUrl), sealed, state));
    if (!ended) {
      events.loginEnded('failed', 'unknown_login');
      throw new HttpError('invalid_request', { reason: 'login was not begun here, or too long ago' });
    }
    try {
      const tokens = await ended.tokens;
      // First: should the other fail, there is no session that nobody has.
      if (ended.before !== undefined) await sessions.endBefore(ended.before);
      const { secret } = await sessions.begin(tokens);
      events.loginEnded('succeeded');
      const cookie = setCookie(SESSION_COOKIE, secret, { sameSite: 'Strict' });
      redirect(req, res, ended.returnTo, [clearLoginCookie(name), cookie]);
    } catch (error) {
      const { result, reason, told } = failureOf(error);
      events.loginEnded(result, reason);
      const target = new URL(ended.returnTo);
      target.searchParams.set('auth_error', told);
      redirect(req, res, target.href, [clearLoginCookie(name)]);
    }
  };
}

/** Ends the session, or with `?everywhere=true` all of the user's, and says where the one at the provider can be ended. */
export function serveLogout({ sessions, logoutUrl, baseUrl, events }: AuthRoutes): Handler {
  return async (req, res) => {
    const open = sessionOf(res);
    const everywhere = queryValue(req.url, 'everywhere');
    if (everywhere !== undefined && everywhere !== 'true')
      throw new HttpError('invalid_parameter', { reason: 'everywhere' });
    const { userKey } = open.principal;
    if (everywhere === undefined) {
      await sessions.end(open);
      events.sessionsEnded('logout', 1, userKey);
    } else events.sessionsEnded('everywhere', await sessions.endAll(open), userKey);
    // It is over here in any case.
    const url = await logoutUrl(`${baseUrl}/`).catch(() => undefined);
    const body = JSON.stringify({ logout_url: url?.href ?? null });
    respond(req, res, 200, [...UNSTORED_JSON, 'Set-Cookie', clearSessionCookie()], Buffer.from(body));
  };
}

/** Who is asking, for the page to show. */
export function serveMe(): Handler {
  return (req, res) => {
    const { principal, session } = res.locals;
    if (principal === undefined) throw new HttpError('token_missing');
    const body = {
      subject: principal.subject,
      issuer: principal.issuer,
      tenant: principal.tenant ?? null,
      scopes: [...principal.scopes],
      name: session?.session.name ?? null,
      email: session?.session.email ?? null,
      session_ends_at: session === undefined ? null : new Date(session.session.endsAtMs).toISOString(),
    };
    respond(req, res, 200, UNSTORED_JSON, Buffer.from(JSON.stringify(body)));
  };
}

function sessionOf({ locals: { session } }: AppResponse): OpenSession {
  // With a token there is nothing here to end.
  if (session === undefined) throw new HttpError('invalid_request', { reason: 'no session' });
  return session;
}

const CODE = /^[a-z_]{1,64}$/;

/** @returns what is counted, what is logged and what the page is told */
function failureOf(error: unknown): {
  readonly result: Exclude<LoginResult, 'succeeded'>;
  readonly reason: string;
  readonly told: string;
} {
  if (error instanceof ProviderError) {
    const { why, reason } = error;
    if (why === 'unavailable') return { result: 'unavailable', reason, told: 'temporarily_unavailable' };
    if (why === 'refused' && CODE.test(reason)) return { result: 'refused', reason, told: reason };
    return { result: 'failed', reason, told: 'login_failed' };
  }
  if (!(error instanceof HttpError)) throw error;
  const { code, reason = code } = error;
  if (error.status >= 500) return { result: 'unavailable', reason, told: 'temporarily_unavailable' };
  return { result: 'failed', reason, told: code === 'insufficient_scope' ? code : 'login_failed' };
}

function redirect(req: AppRequest, res: AppResponse, location: string, cookies: readonly string[]): void {
  const headers = cookies.flatMap((cookie) => ['Set-Cookie', cookie]);
  respond(req, res, 303, [...NO_STORE, 'Location', location, ...headers]);
}

function clearLoginCookie(name: string): string {
  return setCookie(name, '', { sameSite: 'Lax', maxAgeSeconds: 0 });
}
