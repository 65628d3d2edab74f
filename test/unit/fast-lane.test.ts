import { afterAll, beforeAll, expect, test } from 'vitest';
import { authenticatedPolicy } from '../../src/access/access-policy.ts';
import { createApp } from '../../src/app.ts';
import { createPrincipal } from '../../src/auth/principal.ts';
import { type Listener, listen } from '../../src/http/listen.ts';
import type { LeakGuard } from '../../src/leak-guard.ts';
import type { HeldProject } from '../../src/lookup/found.ts';
import { answer, DAY_MS, NOW_MS } from '../support/builders.ts';

/** An app in which everything is certain at once, and whoever asks further fails. */
const nothing = () => undefined;
const reached = () => {
  throw new Error('the pipeline was asked');
};
const principal = createPrincipal({
  issuer: 'i',
  subject: 'alice',
  tenant: undefined,
  scopes: [],
  expiresAtMs: NOW_MS + DAY_MS,
});
const held: HeldProject = { answer: answer(), source: 'memory', collapsed: false, forwarded: 'uri-miss' };

const world = {
  room: { address: true, user: true, notFound: true },
  held: undefined as HeldProject | undefined,
  allowed: true,
  known: true,
  leaks: false,
  gate: { lastResponses: false, held: undefined, closed: false } as {
    lastResponses: boolean;
    held: Promise<void> | undefined;
    closed: boolean;
  },
  effects: 0,
};

const effect = () => {
  world.effects += 1;
};

function limiter(of: 'address' | 'user') {
  return {
    check: reached,
    hasRoom: () => world.room[of],
    hit() {
      effect();
      return { name: 'n', rateLimit: 'x', policy: 'y', leftSeconds: 1 };
    },
  };
}

const leakGuard: LeakGuard = {
  finds: (text) => world.leaks && text === held.answer.body,
  inspect: nothing,
};

let listener: Listener;
beforeAll(async () => {
  const app = createApp({
    lookup: { find: reached, findHeld: () => world.held, serveHeld: effect },
    watcher: { follow: reached },
    streams: { count: 0, enter: reached },
    verifier: { verify: reached, confirm: reached, recall: () => (world.known ? principal : undefined) },
    browserSessions: undefined,
    accessPolicy: { ...authenticatedPolicy, allowsAtOnce: () => world.allowed },
    limitByAddress: limiter('address'),
    limitByUser: { ...limiter('user'), hit: () => [limiter('user').hit()] },
    upstreamCosts: undefined,
    limitNotFound: {
      check: reached,
      count: () => (error, _req, _res, next) => next(error),
      hasRoom: () => world.room.notFound,
    },
    registry: {
      owners: { find: reached, assign: reached, release: reached },
      issuers: ['i'],
      events: { ownershipChanged: reached, ownershipChangeUncertain: reached },
    },
    events: { requestBegan: nothing, requestEnded: nothing, authenticationFailed: nothing },
    clock: { now: () => NOW_MS },
    corsOrigins: [],
    trustProxy: [],
    publicUrl: undefined,
    apiDescription: () => '{}',
    apiPage: { markup: () => '', style: () => '', script: () => '' },
    draining: {
      get lastResponses() {
        return world.gate.lastResponses;
      },
      get held() {
        return world.gate.held;
      },
      get closed() {
        return world.gate.closed;
      },
    },
    webhooks: undefined,
    leakGuard,
  });
  listener = await listen(app, '127.0.0.1', 0);
});
afterAll(() => listener.server.closeAllConnections());

async function ask(overrides: Partial<typeof world>, path = '/v1/image-projects/p1', init: RequestInit = {}) {
  Object.assign(world, {
    room: { address: true, user: true, notFound: true },
    held,
    allowed: true,
    known: true,
    leaks: false,
    gate: { lastResponses: false, held: undefined, closed: false },
    effects: 0,
    ...overrides,
  });
  const response = await fetch(listener.url + path, { headers: { authorization: 'Bearer a' }, ...init });
  await response.arrayBuffer();
  return { status: response.status, effects: world.effects };
}

test('what is certain is answered without the pipeline', async () => {
  expect(await ask({})).toEqual({ status: 200, effects: 3 });
});

test.each<[string, Partial<typeof world>]>([
  ['the address may be near its limit', { room: { address: false, user: true, notFound: true } }],
  ['the user may be near theirs', { room: { address: true, user: false, notFound: true } }],
  ['the user may try ids', { room: { address: true, user: true, notFound: false } }],
  ['memory holds no project', { held: undefined }],
  ['the access policy has to ask', { allowed: false }],
  ['the token is not known', { known: false }],
  ["the company's key is in the body", { leaks: true }],
  ['connections are to be given up', { gate: { lastResponses: true, held: undefined, closed: false } }],
  ['requests are held', { gate: { lastResponses: false, held: Promise.resolve(), closed: false } }],
])('where %s, the pipeline decides, and nothing was counted or told before', async (_why, overrides) => {
  expect(await ask(overrides)).toEqual({ status: 500, effects: 0 });
});

test('where it is too late for new requests, they are told so', async () => {
  const gate = { lastResponses: true, held: undefined, closed: true };
  expect(await ask({ gate })).toEqual({ status: 503, effects: 0 });
});

test.each<[string, number, RequestInit]>([
  ['/v1/image-projects/p1?min_valid=60', 500, {}],
  ['/v1/image-projects/p1', 500, { method: 'HEAD' }],
  ['/v1/image-projects/p1', 405, { method: 'POST' }],
  ['/v1/image-projects/p%31', 500, {}],
  ['/v1/image-projects/p1/', 404, {}],
  ['/v1/text-projects/p1', 404, {}],
])('%s is not for the fast lane (%i)', async (path, status, init) => {
  expect(await ask({}, path, init)).toEqual({ status, effects: 0 });
});
