import type { Express } from 'express';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createApp, PUBLIC_ROUTES } from '../../src/app.ts';
import { authenticatedPolicy } from '../../src/auth/access-policy.ts';
import { HttpError } from '../../src/errors.ts';
import { type Listener, listen } from '../../src/http/listen.ts';
import type { Handler } from '../../src/http/request-context.ts';
import { createLeakGuard } from '../../src/leak-guard.ts';
import { createOpsApp, OPS_ROUTES } from '../../src/ops-app.ts';
import { startStack } from '../support/stack.ts';

/** What Express keeps of a route. */
const stackSchema = z.array(
  z.looseObject({
    route: z.looseObject({ path: z.string(), methods: z.record(z.string(), z.boolean()) }).optional(),
  }),
);

/** Every path and method that an app has a handler of its own for. */
function routesOf(app: Express): Array<{ path: string; method: string }> {
  return stackSchema.parse(app.router.stack).flatMap(({ route }) =>
    Object.keys(route?.methods ?? {})
      .filter((method) => method !== '_all')
      .map((method) => ({ path: route?.path ?? '', method: method.toUpperCase() })),
  );
}

const pass: Handler = (_req, _res, next) => next();
const nothing = () => undefined;
const reached = () => {
  throw new Error('reached without authentication');
};
const events = { requestBegan: nothing, requestEnded: nothing, authenticationFailed: nothing };

const leakGuard = createLeakGuard(() => [], nothing);

const publicApp = createApp({
  lookup: { find: reached, forget: reached },
  verifier: {
    verify() {
      throw new HttpError('token_invalid');
    },
  },
  accessPolicy: authenticatedPolicy,
  limitByAddress: pass,
  limitByUser: pass,
  events,
  clock: { now: Date.now },
  corsOrigins: [],
  trustProxy: [],
  apiDescription: () => '{}',
  draining: { lastResponses: false, held: undefined, closed: false },
  leakGuard,
});
const opsApp = createOpsApp({
  renderMetrics: async () => ({ contentType: 'text/plain', text: '' }),
  ready: () => true,
  checks: [],
  purge: async () => undefined,
  events,
  leakGuard,
});

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
      const isPublic = PUBLIC_ROUTES.some((route) => route === path);
      for (const authorization of [undefined, 'Bearer x', 'Basic eDp4', '']) {
        const response = await fetch(listener.url + path.replace(':id', 'complete-1'), {
          method,
          headers: authorization === undefined ? {} : { authorization },
        });
        expect([path, authorization, response.status]).toEqual([path, authorization, isPublic ? 200 : 401]);
      }
    },
  );
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
