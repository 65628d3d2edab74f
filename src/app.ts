import express, { type Express } from 'express';
import type { AccessPolicy } from './access/access-policy.ts';
import { assignScopeOf } from './auth/scopes.ts';
import type { TokenVerifier } from './auth/token-verifier.ts';
import { type AuthenticationEvents, type AuthenticationRules, authenticate } from './http/authenticate.ts';
import { authorize } from './http/authorize.ts';
import type { CookieUsers } from './http/cookie-users.ts';
import { createCorsHeaders, crossOrigin } from './http/cross-origin.ts';
import { errorHandler } from './http/error-handler.ts';
import { methodNotAllowed, nameRoute, notFound } from './http/fallbacks.ts';
import { fastLane } from './http/fast-lane.ts';
import type { Limiter } from './http/limit.ts';
import type { NotFoundLimiter } from './http/limit-not-found.ts';
import { type HttpEvents, observe } from './http/observe.ts';
import type { OpenStreams } from './http/open-streams.ts';
import { payUpstream } from './http/pay-upstream.ts';
import type { RefusalGate } from './http/refusal-gate.ts';
import { refuseMalformed } from './http/refuse-malformed.ts';
import { refuseWhen } from './http/refuse-when.ts';
import { type Handler, requestContext } from './http/request-context.ts';
import { requireScope } from './http/require-scope.ts';
import { pagePolicy, securityHeaders } from './http/security-headers.ts';
import { type AuthRoutes, serveCallback, serveLogin, serveLogout, serveMe } from './http/serve-auth.ts';
import { serveBackchannelLogout } from './http/serve-backchannel-logout.ts';
import { serveEvents } from './http/serve-events.ts';
import { serveLookup } from './http/serve-lookup.ts';
import { type OwnerRegistry, serveOwner } from './http/serve-owner.ts';
import { serveText } from './http/serve-text.ts';
import { serveWebhook, type WebhookRoute } from './http/serve-webhook.ts';
import type { UpstreamCosts } from './http/upstream-costs.ts';
import type { UserLimits } from './http/user-limits.ts';
import { validateLookup, validateProject } from './http/validate-lookup.ts';
import type { LeakGuard } from './leak-guard.ts';
import type { Lookup } from './lookup/lookup.ts';
import type { Clock } from './lookup/ports.ts';
import { KINDS, type Kind } from './lookup/project.ts';
import type { Watcher } from './lookup/watcher.ts';
import type { BackchannelLogout } from './sessions/backchannel-logout.ts';

export interface AppDependencies {
  readonly lookup: Pick<Lookup, 'find' | 'findHeld' | 'serveHeld'>;
  readonly watcher: Pick<Watcher, 'follow'>;
  readonly streams: OpenStreams;
  readonly verifier: TokenVerifier;
  /** `undefined` where browsers have no sessions here: then there are no such routes. */
  readonly browserSessions: BrowserSessions | undefined;
  readonly accessPolicy: AccessPolicy;
  readonly limitByAddress: Limiter;
  readonly limitByUser: UserLimits;
  /** `undefined` where only requests are limited, whatever they cost. */
  readonly upstreamCosts: UpstreamCosts | undefined;
  readonly limitNotFound: NotFoundLimiter;
  readonly registry: OwnerRegistry;
  readonly events: HttpEvents & AuthenticationEvents;
  readonly clock: Clock;
  readonly corsOrigins: readonly string[];
  /** Addresses and CIDR ranges of the proxies in front. */
  readonly trustProxy: readonly string[];
  /** Where callers reach this service, for proofs of DPoP; `undefined` where requests say it. */
  readonly publicUrl: string | undefined;
  /** docs/openapi.json. */
  readonly apiDescription: () => string;
  /** The files of docs/page/. */
  readonly apiPage: ApiPage;
  readonly draining: RefusalGate;
  readonly leakGuard: LeakGuard;
  /** `undefined` where there are no secrets: then there is no such route. */
  readonly webhooks: WebhookRoute | undefined;
}

/** Logins of browsers, and the sessions that come of them. */
export interface BrowserSessions {
  readonly cookieUsers: CookieUsers;
  readonly auth: AuthRoutes;
  readonly logout: BackchannelLogout;
}

/** Each is read when it is first asked for. */
export interface ApiPage {
  readonly markup: () => string;
  readonly style: () => string;
  readonly script: () => string;
}

/**
 * The only routes of the public listener that anybody may ask. All others authenticate by a user's token, but for those that
 * are signed; a test walks them.
 */
export const PUBLIC_ROUTES = ['/openapi.json', '/docs', '/docs/page.css', '/docs/page.js'] as const;

/** These two bring a session about, so nobody has one before. */
export const LOGIN_ROUTES = ['/auth/login', '/auth/callback'] as const;

/** These let nobody in but who has signed what they send. */
export const SIGNED_ROUTES = ['/webhooks/magic-hour', '/auth/backchannel-logout'] as const;

/** The public pipeline, in order. What costs nothing to decide is decided before anything is spent. */
export function createApp(deps: AppDependencies): Express {
  const app = newExpress(deps.trustProxy);
  const { browserSessions, corsOrigins } = deps;
  const withCookies = browserSessions !== undefined;
  const corsHeaders = createCorsHeaders(corsOrigins, withCookies);
  app.use(fastLane(templateOf, { ...deps, corsHeaders }));
  app.use(
    requestContext(deps.leakGuard),
    observe(deps.events),
    securityHeaders(),
    refuseMalformed(),
    crossOrigin(corsOrigins, withCookies),
  );
  app.use(refuseWhen(deps.draining));

  const credentials = {
    verifier: deps.verifier,
    cookieUsers: browserSessions?.cookieUsers,
    publicUrl: deps.publicUrl,
  };
  const lookUp = (path: string, template: string, kind: Kind, serve: Handler, rules?: AuthenticationRules) =>
    app
      .route(path)
      .all(nameRoute(template))
      .get(
        validateLookup(),
        deps.limitByAddress.check,
        authenticate(credentials, deps.events, rules),
        deps.limitByUser.check,
        deps.limitNotFound.check,
        authorize(deps.accessPolicy, kind),
        payUpstream(deps.upstreamCosts),
        serve,
        deps.limitNotFound.count(kind),
      )
      .all(methodNotAllowed('GET', 'HEAD'));
  for (const kind of KINDS) {
    const path = `/v1/${kind}-projects/:id`;
    lookUp(path, templateOf(kind), kind, serveLookup(kind, deps));
    const events = `${templateOf(kind)}/events`;
    lookUp(`${path}/events`, events, kind, serveEvents(kind, deps), { csrfRule: 'header or fetch metadata' });
  }

  const assigner = (kind: Kind) => [
    deps.limitByAddress.check,
    authenticate(credentials, deps.events),
    deps.limitByUser.check,
    requireScope(assignScopeOf(kind), deps.events),
  ];
  for (const kind of KINDS) {
    const registry = serveOwner(kind, deps.registry);
    app
      .route(`/v1/${kind}-projects/:id/owner`)
      .all(nameRoute(`${templateOf(kind)}/owner`))
      .get(validateProject(), ...assigner(kind), registry.get)
      .put(validateProject(), ...assigner(kind), registry.put)
      .delete(validateProject(), ...assigner(kind), registry.remove)
      .all(methodNotAllowed('GET', 'HEAD', 'PUT', 'DELETE'));
    app
      .route(`/v1/${kind}-project-owners`)
      .all(nameRoute(`/v1/${kind}-project-owners`))
      .post(...assigner(kind), registry.putMany)
      .all(methodNotAllowed('POST'));
  }

  const open = (path: (typeof PUBLIC_ROUTES)[number], ...serve: Handler[]) =>
    app
      .route(path)
      .all(nameRoute(path))
      .get(deps.limitByAddress.check, ...serve)
      .all(methodNotAllowed('GET', 'HEAD'));
  open('/openapi.json', serveText('application/json', deps.apiDescription));
  open('/docs', pagePolicy(), serveText('text/html; charset=utf-8', deps.apiPage.markup));
  open('/docs/page.css', serveText('text/css; charset=utf-8', deps.apiPage.style));
  open('/docs/page.js', serveText('text/javascript; charset=utf-8', deps.apiPage.script));

  const signed = (path: (typeof SIGNED_ROUTES)[number], serve: Handler) =>
    app.route(path).all(nameRoute(path)).post(deps.limitByAddress.check, serve).all(methodNotAllowed('POST'));
  if (deps.webhooks !== undefined) signed('/webhooks/magic-hour', serveWebhook(deps.webhooks));

  if (browserSessions !== undefined) {
    const { auth, logout } = browserSessions;
    const login = (path: (typeof LOGIN_ROUTES)[number], serve: Handler) =>
      app
        .route(path)
        .all(nameRoute(path))
        // Express has GET's handlers answer HEAD, which is to change nothing (RFC 9110, 9.2.1), and each of these begins or ends a login.
        .head(methodNotAllowed('GET'))
        .get(deps.limitByAddress.check, serve)
        .all(methodNotAllowed('GET'));
    login('/auth/login', serveLogin(auth));
    login('/auth/callback', serveCallback(auth));
    const user = (rules?: AuthenticationRules) => [
      deps.limitByAddress.check,
      authenticate(credentials, deps.events, rules),
    ];
    app
      .route('/auth/me')
      .all(nameRoute('/auth/me'))
      .get(...user(), deps.limitByUser.check, serveMe())
      .all(methodNotAllowed('GET', 'HEAD'));
    app
      .route('/auth/logout')
      .all(nameRoute('/auth/logout'))
      // However much a page has asked for, its user gets out.
      .post(...user({ toEndSession: true }), serveLogout(auth))
      .all(methodNotAllowed('POST'));
    signed('/auth/backchannel-logout', serveBackchannelLogout({ logout, events: auth.events }));
  }

  app.use(notFound());
  app.use(errorHandler('magic-hour-bff'));
  return app;
}

/** A route's name in logs and metrics. */
export function templateOf(kind: Kind): string {
  return `/v1/${kind}-projects/{id}`;
}

/** Express without what this service doesn't use; one spelling for each path. */
export function newExpress(trustProxy: readonly string[]): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.enable('strict routing');
  app.enable('case sensitive routing');
  app.set('trust proxy', trustProxy.length === 0 ? false : [...trustProxy]);
  return app;
}
