import type { BrowserSessions } from '../app.ts';
import type { IssuerKeys } from '../auth/issuer-keys.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import type { RedisClient } from '../cache/redis-client.ts';
import type { RedisGuard } from '../cache/redis-guard.ts';
import type { Config } from '../config.ts';
import { cookieUsers } from '../http/cookie-users.ts';
import type { SessionEvents } from '../http/serve-auth.ts';
import type { Logger } from '../log.ts';
import { createBurst } from '../log-bursts.ts';
import type { Clock } from '../lookup/ports.ts';
import { loggedUser } from '../request-log.ts';
import { createBackchannelLogout } from '../sessions/backchannel-logout.ts';
import { createLogin } from '../sessions/login.ts';
import { createRedisSessions } from '../sessions/redis-sessions.ts';
import type { RefreshEvents } from '../sessions/refresh.ts';
import { createReturnTo } from '../sessions/return-to.ts';
import { createSealing } from '../sessions/sealing.ts';
import { createSessions } from '../sessions/sessions.ts';
import type { SessionSecrets } from './session-secrets.ts';

/** Logins and sessions of browsers, where the configuration has them; the library for them is loaded only then. */
export async function openSessions(
  { session, auth, http, redis: { keyPrefix } }: Config,
  parts: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly secrets: SessionSecrets;
    readonly redis: { readonly client: RedisClient; readonly guard: RedisGuard } | undefined;
    /** Of the first issuer, at which browsers sign in. */
    readonly keys: IssuerKeys;
    readonly verifier: TokenVerifier;
    readonly count: SessionEvents & RefreshEvents;
  },
): Promise<BrowserSessions | undefined> {
  const { clock, logger, secrets, redis, keys, verifier } = parts;
  const [issuer] = auth.issuers;
  if (session === undefined || redis === undefined) return undefined;
  const { createOpenIdProvider } = await import('../sessions/openid-provider.ts');
  const { clientId, baseUrl } = session;
  if (session.encryptionKeys === undefined) logger.event('session_keys_derived');
  if (new URL(baseUrl).protocol === 'http:') logger.event('sessions_without_tls');
  const events = sessionEvents(parts.count, logger);
  const sealing = createSealing(secrets.encryptionKeys);
  const provider = createOpenIdProvider(
    { ...session, issuer: issuer.issuer, redirectUri: `${baseUrl}/auth/callback` },
    secrets.clientSecret,
    clock.now,
  );
  const store = createRedisSessions({
    ...redis,
    keyPrefix,
    sealing,
    issuer: issuer.issuer,
    idleMs: session.idleSeconds * 1000,
    clock,
  });
  const sessions = createSessions({
    store,
    provider,
    verifier,
    clock,
    rules: {
      ...issuer,
      introspects: auth.issuers.some(({ introspection }) => introspection !== undefined),
    },
    idleMs: session.idleSeconds * 1000,
    maxMs: session.maxSeconds * 1000,
    events,
  });
  return {
    cookieUsers: cookieUsers(sessions, [baseUrl, ...http.corsOrigins]),
    auth: {
      sessions,
      login: createLogin({ provider, store, sealing, clock }),
      logoutUrl: provider.logoutUrl,
      returnTo: createReturnTo(baseUrl, http.corsOrigins),
      baseUrl,
      events,
    },
    logout: createBackchannelLogout({
      issuer: issuer.issuer,
      clientId,
      algorithms: issuer.algorithms,
      keys,
      store,
      clock,
    }),
  };
}

/** Counts what becomes of sessions, and tells of what on-call or an auditor asks for. */
function sessionEvents(count: SessionEvents & RefreshEvents, logger: Logger): SessionEvents & RefreshEvents {
  const logins = createBurst<string>({
    happened: (reason, count) => logger.event('login_failed', { reason, count }),
  });
  const refreshes = createBurst<string>({
    happened: (reason, count) => logger.event('session_refresh_failed', { reason, count }),
  });
  return {
    loginEnded(result, reason) {
      count.loginEnded(result, reason);
      if (reason !== undefined && result !== 'refused') logins.happened(reason);
    },
    sessionRefreshed(result, reason) {
      count.sessionRefreshed(result, reason);
      if (reason !== undefined && result === 'unavailable') refreshes.happened(reason);
    },
    sessionsEnded(how, ended, user) {
      count.sessionsEnded(how, ended, user);
      if (user === undefined) logger.event('sessions_ended_by_provider', { ended });
      else logger.event('sessions_ended', { how, ended, user: loggedUser(user) });
    },
  };
}
