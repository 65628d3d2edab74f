import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectBody } from '../support/builders.ts';
import {
  CANARIES,
  type Canary,
  findCanaries,
  type Outlet,
  SECRETS,
  SIGNED_URL,
} from '../support/canaries.ts';
import { freePort } from '../support/free-port.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { exchange } from '../support/raw-http.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { sendExactly } from '../support/send-exactly.ts';
import { eventually, openStack, type Stack, startStack } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

let redis: RedisServer;
let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let stack: Stack;
let tokens: Record<'good' | 'expired' | 'forged', string>;
/** Everything that callers received. */
const responses: Outlet[] = [];
const logsOfOthers: string[] = [];

beforeAll(async () => {
  redis = await startRedisServer({ password: SECRETS.redisPassword });
  emulator = await startMagicHourEmulator({ apiKeys: [SECRETS.apiKey] });
  issuer = await startTokenIssuer();
  stack = await openStack({
    beside: { emulator, issuer },
    env: {
      MAGIC_HOUR_API_KEY: SECRETS.apiKey,
      MAGIC_HOUR_API_KEY_NEXT: SECRETS.nextKey,
      WEBHOOK_SECRET: SECRETS.webhookSecret,
      AUTH_INTROSPECTION_CLIENT_ID: 'bff',
      AUTH_INTROSPECTION_CLIENT_SECRET: SECRETS.introspectionSecret,
      AUTH_INTROSPECTION_URL: `${emulator.baseUrl}/introspect`,
      REDIS_URL: redis.url,
      CORS_ORIGINS: 'https://app.example.com',
      UPSTREAM_RETRIES: '1',
      UPSTREAM_TIMEOUT_MS: '1000',
      UPSTREAM_DEADLINE_MS: '3000',
    },
  });
  await eventually(async () => (await stack.metric('redis_up')) === 1);
  const good = await issuer.token();
  tokens = {
    good,
    expired: await issuer.token({ exp: 1 }),
    forged: `${good.slice(0, -40)}${'canarySignature'.padEnd(40, 'x')}`,
  };
});
afterAll(async () => {
  await stack.stop();
  await Promise.all([emulator.close(), issuer.close(), redis.stop()]);
});

const canaries = (): Canary[] => [
  ...CANARIES,
  // Claims may be known; it is the signature that makes a token.
  ...Object.entries(tokens).map(([name, token]) => ({ name: `the ${name} token`, value: token.slice(-60) })),
];

interface Asked {
  /** Default: the one stack of this file. */
  readonly of?: Stack;
  readonly token?: string;
  readonly method?: string;
  readonly headers?: readonly string[];
}

/** Asks with every secret that a caller can have about them, and keeps what comes back. */
async function ask(path: string, asks: Asked = {}) {
  const { of = stack, token = tokens.good, method = 'GET', headers = [] } = asks;
  const sent = ['Authorization', `Bearer ${token}`, 'Cookie', `session=${SECRETS.cookie}`, ...headers];
  const asked = `${path}${path.includes('?') ? '&' : '?'}access_token=${SECRETS.queryToken}`;
  const response = await sendExactly(of.service.publicUrl, asked, sent, { method });
  const text = [response.status, JSON.stringify([...response.headers]), response.body].join('\n');
  responses.push({ where: `the response to ${method} ${path} (${response.status})`, text });
  return response;
}

const lookup = (id: string, asked?: Asked) => ask(`/v1/image-projects/${id}`, asked);
const echo = `Bearer ${SECRETS.apiKey} ${SECRETS.nextKey} ${SIGNED_URL} ${Buffer.from(SECRETS.apiKey).toString('base64')}`;

/** Each way that a request can end, with the status that shows that it did. */
const WAYS: ReadonlyArray<
  readonly [what: string, status: number, go: () => Promise<{ readonly status: number }>]
> = [
  ['a bad id', 400, () => lookup(encodeURIComponent(`${SECRETS.apiKey} ${SECRETS.queryToken}`))],
  ['a bad parameter', 400, () => lookup(`p?min_valid=${SECRETS.cookie}`)],
  ['a malformed request', 400, () => lookup('p', { headers: ['Host', SECRETS.cookie] })],
  ['no token', 401, () => lookup('p', { token: '' })],
  ['an expired token', 401, () => lookup('p', { token: tokens.expired })],
  ['a forged token', 401, () => lookup('p', { token: tokens.forged })],
  ['an opaque token that nobody can judge', 503, () => lookup('p', { token: SECRETS.opaqueToken })],
  ['an unknown project', 404, () => lookup('missing-1')],
  [
    'a webhook signed by whoever guesses',
    401,
    () =>
      ask('/webhooks/magic-hour', {
        method: 'POST',
        headers: [
          'magic-hour-event-signature',
          SECRETS.webhookSecret,
          'magic-hour-event-timestamp',
          SECRETS.webhookSecret,
        ],
      }),
  ],
  ['an unknown route', 404, () => ask(`/${SECRETS.cookie}`)],
  ['a wrong method', 405, () => lookup('p', { method: 'DELETE' })],
  [
    'a foreign origin',
    403,
    () =>
      lookup('p', {
        method: 'OPTIONS',
        headers: ['Origin', `https://${SECRETS.cookie}`, 'Access-Control-Request-Method', 'GET'],
      }),
  ],
  [
    'a request id that is the key',
    404,
    () => lookup('missing-2', { headers: ['X-Request-Id', SECRETS.apiKey] }),
  ],
  ...[400, 402, 403, 404, 418, 429, 500, 503].map((status): (typeof WAYS)[number] => [
    `an upstream ${status} that echoes`,
    { 400: 400, 402: 402, 403: 502, 404: 404, 418: 502, 429: 503, 500: 502, 503: 502 }[status] ?? 0,
    () => {
      emulator.respondNext(
        `echo-${status}`,
        {
          status,
          body: JSON.stringify({ message: echo }),
          headers: { 'x-echo': SECRETS.apiKey, 'www-authenticate': SECRETS.apiKey },
        },
        3,
      );
      return lookup(`echo-${status}`);
    },
  ]),
  [
    'a redirect with the key in it',
    502,
    () => {
      emulator.respondNext('redirect', {
        status: 302,
        headers: { location: `http://127.0.0.1:1/?key=${SECRETS.apiKey}` },
      });
      return lookup('redirect');
    },
  ],
  [
    'a body with the key in it',
    502,
    () => {
      emulator.respondNext('leak', { body: projectBody({ id: 'leak', name: echo }) });
      return lookup('leak');
    },
  ],
  [
    'no JSON',
    502,
    () => {
      emulator.respondNext('page', { body: `<title>${echo}</title>` });
      return lookup('page');
    },
  ],
  [
    'a reset',
    502,
    () => {
      emulator.respondNext('reset', { reset: true }, 3);
      return lookup('reset');
    },
  ],
  ['an upstream that hangs', 504, () => lookup('hang-1')],
];

test.each(WAYS)('%s ends in %i', async (_what, status, go) => {
  expect((await go()).status).toBe(status);
});

test('a limit and signing keys that are away end as they should', async () => {
  const limited = await startStack({ beside: { emulator, issuer }, env: { RATE_LIMIT_MAX: '1' } });
  const statuses = [(await lookup('complete-1', { of: limited })).status];
  statuses.push((await lookup('complete-1', { of: limited })).status);
  const keyless = await startStack({
    beside: { emulator, issuer },
    env: { AUTH_JWKS_URL: `http://127.0.0.1:${await freePort()}/?${SECRETS.queryToken}` },
  });
  statuses.push((await lookup('complete-1', { of: keyless })).status);
  expect(statuses).toEqual([200, 429, 503]);
  logsOfOthers.push(...limited.logs(), ...keyless.logs());
});

test('a refused key and a header flood end as they should', async () => {
  emulator.setApiKeys([]);
  expect((await lookup('complete-refused')).status).toBe(502);
  emulator.setApiKeys([SECRETS.apiKey]);
  const { answers } = await exchange(
    stack.service.publicUrl,
    `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.good}\r\nCookie: ${SECRETS.cookie.repeat(2000)}\r\n\r\n`,
  );
  expect(answers.map(({ status }) => status)).toEqual([431]);
  responses.push({ where: 'the answer to a header flood', text: answers[0]?.body.toString() ?? '' });
});

test('a signed URL reaches the caller and Redis, the key reaches the upstream: the search can find', async () => {
  const expires_at = new Date(Date.now() + 86_400_000).toISOString();
  const url = SIGNED_URL.replace('20200101', new Date().toISOString().slice(0, 10).replaceAll('-', ''));
  emulator.respondNext('signed', {
    body: projectBody({ id: 'signed', status: 'complete', downloads: [{ url, expires_at }] }),
  });
  const served = await stack.lookup('signed');
  await eventually(async () => (await redis.keys('*{image:signed}')).length === 1);
  const stored = String(await redis.command('GET', 'mhbff:v1:{image:signed}'));
  const upstream = JSON.stringify(emulator.requests.at(-1)?.headers);
  expect(
    findCanaries(canaries(), [
      { where: 'the body', text: served.body.toString() },
      { where: 'Redis', text: stored },
      { where: 'the upstream', text: upstream },
      { where: 'base64', text: Buffer.from(`key=${SECRETS.nextKey}!`).toString('base64') },
      { where: 'a URL', text: encodeURIComponent(SECRETS.redisPassword) },
    ]),
  ).toEqual([
    'the key as it is in the upstream',
    'the next key in base64, 1 bytes behind in base64',
    "Redis' password percent-encoded as a URL component in a URL",
    "the URL's signature as it is in the body",
    "the URL's signature as it is in Redis",
  ]);
});

describe('no canary comes out', () => {
  test('in any response', () => {
    expect(responses.length).toBeGreaterThan(WAYS.length);
    expect(findCanaries(canaries(), responses)).toEqual([]);
  });

  test('in any log line, at level trace', () => {
    const lines = [...stack.logs(), ...logsOfOthers];
    expect(lines.length).toBeGreaterThan(WAYS.length + logsOfOthers.length);
    expect(
      findCanaries(
        canaries(),
        lines.map((text) => ({ where: text, text })),
      ),
    ).toEqual([]);
  });

  test('in what the upstream is sent, but for the keys', () => {
    const sent = emulator.requests.map((request) => ({ where: 'a request', text: JSON.stringify(request) }));
    expect(new Set(findCanaries(canaries(), sent))).toEqual(
      new Set(['the key as it is in a request', 'the next key as it is in a request']),
    );
  });

  test('in metrics, health and the API description', async () => {
    const pages = await Promise.all(
      ['/', '/metrics', '/livez', '/readyz'].map((path) => stack.ops.request(path)),
    );
    const outlets = [...pages, await stack.client.request('/openapi.json')].map(({ body }, n) => ({
      where: `page ${n}`,
      text: body.toString(),
    }));
    expect(findCanaries(canaries(), outlets)).toEqual([]);
  });

  test('in Redis, but for the URL in the project that it belongs to', async () => {
    const outlets = [...(await redis.contents())].flatMap(([key, text]): Outlet[] => [
      { where: 'a key', text: key },
      { where: key, text },
    ]);
    expect(outlets.length).toBeGreaterThan(2);
    expect(findCanaries(canaries(), outlets)).toEqual([
      "the URL's signature as it is in mhbff:v1:{image:signed}",
    ]);
  });
});
