import { METHODS } from 'node:http';
import type { Express } from 'express';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { authenticatedPolicy } from '../../src/access/access-policy.ts';
import { createApp, LOGIN_ROUTES, PUBLIC_ROUTES, SIGNED_ROUTES } from '../../src/app.ts';
import { HttpError } from '../../src/errors.ts';
import { cookieUsers } from '../../src/http/cookie-users.ts';
import { type Listener, listen } from '../../src/http/listen.ts';
import type { Handler } from '../../src/http/request-context.ts';
import { createLeakGuard } from '../../src/leak-guard.ts';
import { createOpsApp, OPS_ROUTES } from '../../src/ops-app.ts';
import { createReturnTo } from '../../src/sessions/return-to.ts';
import { sendExactly } from '../support/send-exactly.ts';
import { startStack } from '../support/stack.ts';

/** What each route says to a caller who proves nothing. */
function told(path: string): number {
  if (PUBLIC_ROUTES.some((route) => route === path)) return 200;
  if (path === '/auth/backchannel-logout') return 400;
  const login = LOGIN_ROUTES.find((route) => route === path);
  if (login === undefined) return 401;
  return login === '/auth/login' ? 303 : 400;
}

const asksWho = (path: string) => told(path) === 401 && path !== '/webhooks/magic-hour';

/** What Express keeps of a route. A layer that is none is middleware: a router in there would not be walked. */
const stackSchema = z.array(
  z.looseObject({
    handle: z.custom<object>(
      (handle) => typeof handle === 'function' && !('stack' in handle),
      'is a router inside the router',
    ),
    route: z.looseObject({ path: z.string(), methods: z.record(z.string(), z.boolean()) }).optional(),
  }),
);

/** Every path and method that an app has a handler of its own for. */
function routesOf(app: Express): Array<{ path: string; method: string }> {
  return stackSchema.parse(app.router.stack).flatMap(({ route }) =>
    Object.keys(route?.methods ?? {})
      .filter((method) => method !== '_all' && method !== 'head')
      .map((method) => ({ path: route?.path ?? '', method: method.toUpperCase() })),
  );
}

const pass: Handler = (_req, _res, next) => next();
const nothing = () => undefined;
const unlimited = {
  check: pass,
  hasRoom: () => true,
  hit: () => ({ name: '', rateLimit: '', policy: '', leftSeconds: 0 }),
};
const reached = () => {
  throw new Error('reached without authentication');
};
const events = { requestBegan: nothing, requestEnded: nothing, authenticationFailed: nothing };

const leakGuard = createLeakGuard(() => [], nothing);

const publicApp = createApp({
  lookup: { find: reached, findHeld: reached, serveHeld: reached },
  watcher: { follow: reached },
  streams: { count: 0, enter: reached },
  verifier: {
    verify() {
      throw new HttpError('token_invalid');
    },
    recall: nothing,
    confirm: reached,
  },
  browserSessions: {
    cookieUsers: cookieUsers(
      {
        identify: async () => {
          throw new HttpError('token_invalid');
        },
        recheck: reached,
      },
      [],
    ),
    auth: {
      sessions: { begin: reached, end: reached, endAll: reached, endBefore: reached },
      login: {
        begin: async () => ({
          state: 'x'.repeat(43),
          sealed: 'x',
          providerUrl: new URL('https://login.example'),
        }),
        end: async () => undefined,
      },
      logoutUrl: reached,
      returnTo: createReturnTo('https://app.example', []),
      baseUrl: 'https://app.example',
      events: { loginEnded: nothing, sessionsEnded: reached },
    },
    logout: { take: async () => undefined },
  },
  accessPolicy: authenticatedPolicy,
  limitByAddress: unlimited,
  limitByUser: { check: pass, hasRoom: () => true, hit: () => [] },
  upstreamCosts: undefined,
  limitNotFound: { check: pass, count: () => (error, _req, _res, next) => next(error), hasRoom: () => true },
  registry: {
    owners: { find: reached, assign: reached, release: reached },
    issuers: ['https://issuer.example'],
    events: { ownershipChanged: reached, ownershipChangeUncertain: reached },
  },
  events,
  clock: { now: Date.now },
  corsOrigins: [],
  trustProxy: [],
  publicUrl: undefined,
  apiDescription: () => '{}',
  apiPage: { markup: () => '', style: () => '', script: () => '' },
  draining: { lastResponses: false, held: undefined, closed: false },
  leakGuard,
  webhooks: {
    intake: reached,
    secrets: () => ['a-secret-of-webhooks'],
    toleranceSeconds: 300,
    clock: { now: Date.now },
    events: { webhookEnded: nothing },
  },
});
const opsApp = createOpsApp({
  renderMetrics: async () => ({ contentType: 'text/plain', text: '' }),
  ready: () => true,
  checks: [],
  status: reached,
  purge: async () => undefined,
  events,
  leakGuard,
});

const COOKIE = `__Host-Http-session=${'x'.repeat(43)}`;
const CREDENTIALS: ReadonlyArray<Readonly<Record<string, string>>> = [
  {},
  { authorization: 'Bearer x' },
  { authorization: 'Basic eDp4' },
  { authorization: '' },
  { cookie: COOKIE },
  { cookie: COOKIE, 'x-csrf': '1' },
  { cookie: '__Host-Http-session=', 'x-csrf': '1' },
];

describe('every route of the public listener', () => {
  let listener: Listener;
  beforeAll(async () => {
    listener = await listen(publicApp, '127.0.0.1', 0);
  });
  afterAll(() => listener.server.closeAllConnections());

  const routes = routesOf(publicApp);

  test('is walked', () => {
    expect(routes.length).toBeGreaterThan(PUBLIC_ROUTES.length);
  });

  test.each(routes)(
    '$method $path needs authentication, unless it is on the public list',
    async ({ path, method }) => {
      for (const headers of CREDENTIALS) {
        const url = listener.url + path.replace(':id', 'complete-1');
        const response = await fetch(url, { method, headers, redirect: 'manual' });
        // With a cookie it is asked first whether the page is one of ours.
        const isForged = 'cookie' in headers && !('x-csrf' in headers);
        const expected = isForged && asksWho(path) ? 403 : told(path);
        expect([path, headers, response.status]).toEqual([path, headers, expected]);
      }
    },
  );

  test('/webhooks/magic-hour needs a signature, which nobody makes up', async () => {
    const [path] = SIGNED_ROUTES;
    expect(routes.filter((route) => route.path === path)).toEqual([{ path, method: 'POST' }]);
    for (const signature of [undefined, '', '0'.repeat(64), 'f'.repeat(64)]) {
      const headers = {
        ...(signature !== undefined && { 'magic-hour-event-signature': signature }),
        'magic-hour-event-timestamp': String(Math.floor(Date.now() / 1000)),
      };
      const body = '{"type":"image.completed","payload":{}}';
      const { status } = await fetch(listener.url + path, { method: 'POST', headers, body });
      expect([signature, status]).toEqual([signature, 401]);
    }
  });

  test.each(routes.map(({ path }) => path))('%s serves nobody by any other method', async (path) => {
    const own = routes.filter((route) => route.path === path).map(({ method }) => method);
    for (const method of METHODS.filter((each) => each !== 'CONNECT' && !own.includes(each))) {
      // `fetch` refuses some of them.
      const { status } = await sendExactly(listener.url, path.replace(':id', 'complete-1'), [], { method });
      const isRead = method === 'HEAD' && own.includes('GET');
      const expected = isRead && !LOGIN_ROUTES.some((route) => route === path) ? told(path) : 405;
      expect([method, status]).toEqual([method, expected]);
    }
  });
});

describe('every route of the ops listener', () => {
  test('is on its list', () => {
    expect(
      routesOf(opsApp)
        .map(({ path }) => path)
        .sort(),
    ).toEqual([...OPS_ROUTES].sort());
  });

  test('does not exist on the public one', async () => {
    const { client } = await startStack();
    for (const { path, method } of routesOf(opsApp)) {
      const response = await client.request(path.replace(':id', 'complete-1'), { method });
      expect([path, response.status]).toEqual([path, 404]);
    }
  });
});
