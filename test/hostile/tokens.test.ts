import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostileTokens, soundTokens } from '../support/hostile-tokens.ts';
import { exchange } from '../support/raw-http.ts';
import { dataCommands } from '../support/redis-data-commands.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ExactAnswer, sendExactly } from '../support/send-exactly.ts';
import { eventually, openStack, type Stack } from '../support/stack.ts';
import { createTokenForge, type NamedToken } from '../support/token-forge.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

/** A project that everybody may see who is let in, cached in memory and in Redis. */
const CACHED = '/v1/image-projects/complete-1';

let redis: RedisServer;
let stack: Stack;
let elsewhere: TokenIssuer;
let good: string;
let hostile: NamedToken[];
let sound: NamedToken[];

beforeAll(async () => {
  redis = await startRedisServer();
  // An address is counted in process up to a twentieth of its limit; all that is sent here comes from one.
  stack = await openStack({
    env: { REDIS_URL: redis.url, RATE_LIMIT_IP_MAX: '60000', RATE_LIMIT_MAX: '60000' },
  });
  await eventually(async () => (await stack.metric('redis_up')) === 1);
  good = await stack.issuer.token();
  elsewhere = await startTokenIssuer();
  const forge = createTokenForge(stack.issuer, elsewhere);
  [hostile, sound] = [await hostileTokens(forge), await soundTokens(forge)];
  expect((await stack.lookup('complete-1')).status).toBe(200);
  await eventually(async () => (await redis.keys('*complete-1*')).length > 0);
});
afterAll(async () => {
  await stack.stop();
  await elsewhere.close();
  await redis.stop();
});

const send = (headers: readonly string[], path = CACHED, body?: string) =>
  sendExactly(stack.service.publicUrl, path, headers, body === undefined ? {} : { body });

function expectRefused(
  { status, headers, body }: Pick<ExactAnswer, 'status' | 'headers' | 'body'>,
  what = '',
): void {
  expect([400, 401, 431], what).toContain(status);
  expect(JSON.parse(body), what).toEqual({
    message: status === 401 ? 'Unauthorized' : expect.any(String),
    code: status === 401 ? expect.stringMatching(/^token_/) : expect.any(String),
    request_id: expect.any(String),
  });
  if (status === 401) expect(headers.get('www-authenticate'), what).toMatch(/^Bearer realm="magic-hour-bff"/);
  expect(headers.get('cache-status'), what).toBeNull();
}

/** A string holds one byte in each character. */
const bytesOf = (line: string | Buffer) => (typeof line === 'string' ? Buffer.from(line, 'latin1') : line);

/** Runs it and shows that nothing behind authentication was touched. */
async function atTheDoor(attempt: () => Promise<void>): Promise<void> {
  const before = { upstream: stack.emulator.count(), redis: await dataCommands(redis) };
  await attempt();
  expect({ upstream: stack.emulator.count(), redis: await dataCommands(redis) }).toEqual(before);
}

describe('a hostile token', () => {
  test('is one of more than a hundred, each with a name of its own', () => {
    expect(hostile.length).toBeGreaterThan(100);
    expect(new Set(hostile.map(([what]) => what)).size).toBe(hostile.length);
    expect(new Set(hostile.map(([, token]) => token)).size).toBe(hostile.length);
  });

  test('differs by its fault alone from such as let their users in', async () => {
    for (const [what, token] of sound) {
      expect((await send(['Authorization', `Bearer ${token}`])).status, what).toBe(200);
    }
  });

  test('gets its sender 401, and reaches neither cache nor Redis nor the upstream', async () => {
    await atTheDoor(async () => {
      for (const [what, token] of hostile) {
        const answer = await send(['Authorization', `Bearer ${token}`]);
        expectRefused(answer, what);
        expect(answer.status, what).toBe(401);
      }
    });
  });

  test('has nobody ask the addresses that it names', () => {
    expect(elsewhere.fetches).toEqual({ discovery: 0, jwks: 0 });
  });

  test('is refused at once and at the same time as good ones pass, and again when it comes again', async () => {
    await Promise.all(
      [...hostile, ...hostile].map(async ([what, token]) => {
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

  test.each<[what: string, line: (token: string) => string | Buffer, status: number]>([
    ['with a NUL', (token) => `Authorization: Bearer ${token}\0`, 400],
    ['with a carriage return', (token) => `Authorization: Bearer ${token}\rX-A: b`, 400],
    ['with a space before the colon', (token) => `Authorization : Bearer ${token}`, 400],
    ['on a line of its own', (token) => `Authorization:\r\n Bearer ${token}`, 400],
    ['with its scheme on the line before', (token) => `Authorization: Bearer\r\n ${token}`, 400],
    ['with a no-break space', (token) => `Authorization: Bearer\xa0${token}`, 401],
    ['with a byte over 127 behind it', (token) => `Authorization: Bearer ${token}\xe9`, 401],
    ['with UTF-8 behind it', (token) => Buffer.from(`Authorization: Bearer ${token}é`), 401],
    ['with an underscore in front of the name', (token) => `_Authorization: Bearer ${token}`, 401],
    [
      'among more headers than fit',
      (token) => `X: ${'x'.repeat(17_000)}\r\nAuthorization: Bearer ${token}`,
      431,
    ],
    ['seventeen kilobytes long', (token) => `Authorization: Bearer ${token.repeat(30)}`, 431],
  ])('%s, byte for byte, lets nobody in', async (_what, line, status) => {
    await atTheDoor(async () => {
      const head = Buffer.from(`GET ${CACHED} HTTP/1.1\r\nHost: bff.example\r\nConnection: close\r\n`);
      const sent = Buffer.concat([head, bytesOf(line(good)), Buffer.from('\r\n\r\n')]);
      const { answers, rest } = await exchange(stack.service.publicUrl, sent);
      expect([answers.map((answer) => answer.status), rest.length]).toEqual([[status], 0]);
      for (const answer of answers) expectRefused({ ...answer, body: answer.body.toString() });
    });
  });

  test('and beside all that, lets its user in as it should be sent', async () => {
    expect((await send(['Authorization', `Bearer ${good}`])).status).toBe(200);
  });
});
