import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HostileToken, hostileTokens } from '../support/hostile-tokens.ts';
import { dataCommands } from '../support/redis-data-commands.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ExactAnswer, sendExactly } from '../support/send-exactly.ts';
import { eventually, openStack, type Stack } from '../support/stack.ts';

/** A project that everybody may see who is let in, cached in memory and in Redis. */
const CACHED = '/v1/image-projects/complete-1';

let redis: RedisServer;
let stack: Stack;
let good: string;
let tokens: HostileToken[];

beforeAll(async () => {
  redis = await startRedisServer();
  // An address is counted in process up to a twentieth of its limit; all that is sent here comes from one.
  stack = await openStack({
    env: { REDIS_URL: redis.url, RATE_LIMIT_IP_MAX: '60000', RATE_LIMIT_MAX: '60000' },
  });
  await eventually(async () => (await stack.metric('redis_up')) === 1);
  good = await stack.issuer.token();
  tokens = await hostileTokens(stack.issuer);
  expect((await stack.lookup('complete-1')).status).toBe(200);
  await eventually(async () => (await redis.keys('*complete-1*')).length > 0);
});
afterAll(async () => {
  await stack.stop();
  await redis.stop();
});

const send = (headers: readonly string[], path = CACHED, body?: string) =>
  sendExactly(stack.service.publicUrl, path, headers, body === undefined ? {} : { body });

function expectRefused({ status, headers, body }: ExactAnswer, what: string): void {
  expect([400, 401, 431], what).toContain(status);
  expect(JSON.parse(body), what).toEqual({
    message: status === 401 ? 'Unauthorized' : expect.any(String),
    code: status === 401 ? expect.stringMatching(/^token_/) : expect.any(String),
    request_id: expect.any(String),
  });
  if (status === 401) expect(headers.get('www-authenticate'), what).toMatch(/^Bearer realm="magic-hour-bff"/);
  expect(headers.get('cache-status'), what).toBeNull();
}

/** Runs it and shows that nothing behind authentication was touched. */
async function atTheDoor(attempt: () => Promise<void>): Promise<void> {
  const before = { upstream: stack.emulator.count(), redis: await dataCommands(redis) };
  await attempt();
  expect({ upstream: stack.emulator.count(), redis: await dataCommands(redis) }).toEqual(before);
}

describe('a hostile token', () => {
  test('is one of more than a hundred, each with a name of its own', () => {
    expect(tokens.length).toBeGreaterThan(100);
    expect(new Set(tokens.map(([what]) => what)).size).toBe(tokens.length);
    expect(new Set(tokens.map(([, token]) => token)).size).toBe(tokens.length);
  });

  test('gets its sender 401, and reaches neither cache nor Redis nor the upstream', async () => {
    await atTheDoor(async () => {
      for (const [what, token] of tokens) {
        expectRefused(await send(['Authorization', `Bearer ${token}`]), what);
      }
    });
  });

  test('is refused at once and at the same time as good ones pass, and again when it comes again', async () => {
    await Promise.all(
      [...tokens, ...tokens].map(async ([what, token]) => {
        const [bad, well] = await Promise.all([
          send(['Authorization', `Bearer ${token}`]),
          send(['Authorization', `Bearer ${good}`]),
        ]);
        expectRefused(bad, what);
        expect(well.status).toBe(200);
      }),
    );
  });
});

describe('a good token, sent as it must not be', () => {
  const credentials: ReadonlyArray<
    readonly [
      what: string,
      headers: (token: string) => readonly string[],
      path?: ((token: string) => string) | undefined,
    ]
  > = [
    ['twice', (token) => ['Authorization', `Bearer ${token}`, 'Authorization', `Bearer ${token}`]],
    ['after another one', (token) => ['Authorization', 'Bearer x', 'authorization', `Bearer ${token}`]],
    ['before another one', (token) => ['AUTHORIZATION', `Bearer ${token}`, 'Authorization', 'Basic eDp5']],
    ['with a lower-case scheme', (token) => ['Authorization', `bearer ${token}`]],
    ['with an upper-case scheme', (token) => ['Authorization', `BEARER ${token}`]],
    ['without a scheme', (token) => ['Authorization', token]],
    ['with a scheme and no space', (token) => ['Authorization', `Bearer${token}`]],
    ['with two spaces', (token) => ['Authorization', `Bearer  ${token}`]],
    ['with a tab', (token) => ['Authorization', `Bearer\t${token}`]],
    ['with a colon', (token) => ['Authorization', `Bearer: ${token}`]],
    ['as two schemes', (token) => ['Authorization', `Bearer ${token}, Basic eDp5`]],
    ['as a parameter', (token) => ['Authorization', `Bearer token="${token}"`]],
    ['as a password', (token) => ['Authorization', `Basic ${Buffer.from(`x:${token}`).toString('base64')}`]],
    ['as DPoP', (token) => ['Authorization', `DPoP ${token}`]],
    ['as a token of a proxy', (token) => ['Proxy-Authorization', `Bearer ${token}`]],
    ['in X-Authorization', (token) => ['X-Authorization', `Bearer ${token}`]],
    ['in X-Forwarded-Authorization', (token) => ['X-Forwarded-Authorization', `Bearer ${token}`]],
    ['in a cookie', (token) => ['Cookie', `access_token=${token}; session=${token}`]],
    ['in the session cookie', (token) => ['Cookie', `__Host-Http-session=${token}`]],
    ['in a WebSocket protocol', (token) => ['Sec-WebSocket-Protocol', `bearer, ${token}`]],
    ['in the query', () => [], (token) => `${CACHED}?access_token=${token}`],
    ['in the query as a header', () => [], (token) => `${CACHED}?authorization=Bearer%20${token}`],
    ['in the path', () => [], (token) => `${CACHED};access_token=${token}`],
    ['not at all', () => []],
    ['as nothing', () => ['Authorization', '']],
    ['as a scheme alone', () => ['Authorization', 'Bearer']],
    ['as undefined', () => ['Authorization', 'Bearer undefined']],
    ['as null', () => ['Authorization', 'null']],
  ];

  test.each(credentials.map(([what, headers, path]) => ({ what, headers, path })))(
    '$what, lets nobody in',
    async ({ what, headers, path = () => CACHED }) => {
      await atTheDoor(async () => expectRefused(await send(headers(good), path(good)), what));
    },
  );

  test('in a body, lets nobody in', async () => {
    await atTheDoor(async () => {
      const form = `access_token=${good}`;
      const type = ['Content-Type', 'application/x-www-form-urlencoded'];
      expectRefused(await send([...type, 'Content-Length', String(form.length)], CACHED, form), 'a form');
    });
  });

  test('and beside all that, lets its user in as it should be sent', async () => {
    expect((await send(['Authorization', `Bearer ${good}`])).status).toBe(200);
    // RFC 7519, 4.1.3: one audience of several.
    const several = await stack.issuer.token({ aud: ['another', stack.issuer.audience] });
    expect((await send(['Authorization', `Bearer ${several}`])).status).toBe(200);
  });
});
