import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axios from 'axios';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseJson } from '../../src/json.ts';
import { createLogger, describeError } from '../../src/log.ts';
import { projectBody } from '../support/builders.ts';
import { type Canary, findCanaries, type Outlet } from '../support/canaries.ts';
import { freePort } from '../support/free-port.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { exchange } from '../support/raw-http.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { sendExactly } from '../support/send-exactly.ts';
import { runServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { eventually, openStack, type Stack, startStack } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

const API_KEY = 'mhk_4f1d9c/canary~KeyOne+e83b55';
const NEXT_KEY = 'mhk_77ab02/canary~KeyTwo+19c0d4';
const REDIS_PASSWORD = 'canary/redis~Pass+word';
const COOKIE = 'canary-cookie-value-91e2';
const QUERY_TOKEN = 'canary-query-token-5c5c';
const URL_SIGNATURE = 'canaryGoogSignature0f0f0f0f';
const SIGNED_URL = `https://videos.magichour.ai/p/output.png?X-Goog-Date=20200101T000000Z&X-Goog-Expires=86400&X-Goog-Signature=${URL_SIGNATURE}`;

let redis: RedisServer;
let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let stack: Stack;
let tokens: Record<'good' | 'expired' | 'forged', string>;
/** Everything that callers received. */
const responses: Outlet[] = [];
const logsOfOthers: string[] = [];

beforeAll(async () => {
  redis = await startRedisServer({ password: REDIS_PASSWORD });
  emulator = await startMagicHourEmulator({ apiKeys: [API_KEY] });
  issuer = await startTokenIssuer();
  stack = await openStack({
    beside: { emulator, issuer },
    env: {
      MAGIC_HOUR_API_KEY: API_KEY,
      MAGIC_HOUR_API_KEY_NEXT: NEXT_KEY,
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
  { name: 'the key', value: API_KEY },
  { name: 'the next key', value: NEXT_KEY },
  { name: "Redis' password", value: REDIS_PASSWORD },
  { name: 'the cookie', value: COOKIE },
  { name: 'the token in the query', value: QUERY_TOKEN },
  { name: "the URL's signature", value: URL_SIGNATURE },
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
  const sent = ['Authorization', `Bearer ${token}`, 'Cookie', `session=${COOKIE}`, ...headers];
  const asked = `${path}${path.includes('?') ? '&' : '?'}access_token=${QUERY_TOKEN}`;
  const response = await sendExactly(of.service.publicUrl, asked, sent, { method });
  const text = [response.status, JSON.stringify([...response.headers]), response.body].join('\n');
  responses.push({ where: `the response to ${method} ${path} (${response.status})`, text });
  return response;
}

const lookup = (id: string, asked?: Asked) => ask(`/v1/image-projects/${id}`, asked);
const echo = `Bearer ${API_KEY} ${NEXT_KEY} ${SIGNED_URL} ${Buffer.from(API_KEY).toString('base64')}`;

/** Each way that a request can end, with the status that shows that it did. */
const WAYS: ReadonlyArray<
  readonly [what: string, status: number, go: () => Promise<{ readonly status: number }>]
> = [
  ['a bad id', 400, () => lookup(encodeURIComponent(`${API_KEY} ${QUERY_TOKEN}`))],
  ['a bad parameter', 400, () => lookup(`p?min_valid=${COOKIE}`)],
  ['a malformed request', 400, () => lookup('p', { headers: ['Host', COOKIE] })],
  ['no token', 401, () => lookup('p', { token: '' })],
  ['an expired token', 401, () => lookup('p', { token: tokens.expired })],
  ['a forged token', 401, () => lookup('p', { token: tokens.forged })],
  ['an unknown project', 404, () => lookup('missing-1')],
  ['an unknown route', 404, () => ask(`/${COOKIE}`)],
  ['a wrong method', 405, () => lookup('p', { method: 'DELETE' })],
  [
    'a foreign origin',
    403,
    () =>
      lookup('p', {
        method: 'OPTIONS',
        headers: ['Origin', `https://${COOKIE}`, 'Access-Control-Request-Method', 'GET'],
      }),
  ],
  ['a request id that is the key', 404, () => lookup('missing-2', { headers: ['X-Request-Id', API_KEY] })],
  ...[400, 402, 403, 404, 418, 429, 500, 503].map((status): (typeof WAYS)[number] => [
    `an upstream ${status} that echoes`,
    { 400: 400, 402: 402, 403: 502, 404: 404, 418: 502, 429: 503, 500: 502, 503: 502 }[status] ?? 0,
    () => {
      emulator.respondNext(
        `echo-${status}`,
        {
          status,
          body: JSON.stringify({ message: echo }),
          headers: { 'x-echo': API_KEY, 'www-authenticate': API_KEY },
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
        headers: { location: `http://127.0.0.1:1/?key=${API_KEY}` },
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
    env: { AUTH_JWKS_URL: `http://127.0.0.1:${await freePort()}/?${QUERY_TOKEN}` },
  });
  statuses.push((await lookup('complete-1', { of: keyless })).status);
  expect(statuses).toEqual([200, 429, 503]);
  logsOfOthers.push(...limited.logs(), ...keyless.logs());
});

test('a refused key and a header flood end as they should', async () => {
  emulator.setApiKeys([]);
  expect((await lookup('complete-refused')).status).toBe(502);
  emulator.setApiKeys([API_KEY]);
  const { answers } = await exchange(
    stack.service.publicUrl,
    `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.good}\r\nCookie: ${COOKIE.repeat(2000)}\r\n\r\n`,
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
  await eventually(async () => (await redis.keys('*signed*')).length === 1);
  const stored = String(await redis.command('GET', 'mhbff:v1:{image:signed}'));
  const upstream = JSON.stringify(emulator.requests.at(-1)?.headers);
  expect(
    findCanaries(canaries(), [
      { where: 'the body', text: served.body.toString() },
      { where: 'Redis', text: stored },
      { where: 'the upstream', text: upstream },
      { where: 'base64', text: Buffer.from(`key=${NEXT_KEY}!`).toString('base64') },
      { where: 'a URL', text: encodeURIComponent(REDIS_PASSWORD) },
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
    const pages = await Promise.all(['/metrics', '/livez', '/readyz'].map((path) => stack.ops.request(path)));
    const outlets = [...pages, await stack.client.request('/openapi.json')].map(({ body }, n) => ({
      where: `page ${n}`,
      text: body.toString(),
    }));
    expect(findCanaries(canaries(), outlets)).toEqual([]);
  });

  test('in Redis, but for the URL in the project that it belongs to', async () => {
    const outlets: Outlet[] = [];
    for (const key of await redis.keys()) {
      outlets.push({ where: 'a key', text: key });
      const value = await redis.command('GET', key);
      outlets.push({ where: key, text: String(value) });
    }
    expect(outlets.length).toBeGreaterThan(2);
    expect(findCanaries(canaries(), outlets)).toEqual([
      "the URL's signature as it is in mhbff:v1:{image:signed}",
    ]);
  });

  test('when an error of axios is described or logged', async () => {
    const error: unknown = await axios
      .get(`http://127.0.0.1:1/?sig=${URL_SIGNATURE}`, {
        headers: { authorization: `Bearer ${API_KEY}`, cookie: COOKIE },
      })
      .catch((caught: unknown) => caught);
    expect(findCanaries(canaries(), [{ where: 'axios', text: JSON.stringify(error) }])).not.toEqual([]);
    const lines: string[] = [];
    const logger = createLogger({
      level: 'trace',
      version: '0',
      destination: { write: (line) => void lines.push(line) },
    });
    logger.fatal({ error: describeError(new Error('around it', { cause: error })) }, 'defect');
    expect(findCanaries(canaries(), [{ where: 'the log', text: lines.join('') }])).toEqual([]);
  });
});

describe('a process that', () => {
  const env = () => ({
    MAGIC_HOUR_API_KEY: API_KEY,
    MAGIC_HOUR_API_KEY_NEXT: NEXT_KEY,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    REDIS_URL: redis.url,
    SIGNED_URL,
  });
  /** Code that runs inside the service's process, as a defect in a dependency would. */
  const withDefect = (code: string) => ({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`,
  });

  test.each([
    ['throws', 'throw error'],
    ['leaves a rejection unhandled', 'Promise.reject(error)'],
    ['throws what is no error', 'throw error.config'],
  ])('%s an error with the key in it prints none of it, and says that it stopped', async (_how, raise) => {
    const code = `setTimeout(() => {
      const { MAGIC_HOUR_API_KEY: key, SIGNED_URL: url } = process.env;
      const error = new TypeError('Bearer ' + key, { cause: new Error(url) });
      error.config = { headers: { authorization: 'Bearer ' + key } };
      ${raise};
    }, 1500)`;
    const service = await startServiceProcess({ ...env(), ...withDefect(code) });
    expect((await service.exited).code).toBe(70);
    const printed = [...service.lines, service.stderr()].join('\n');
    expect(printed).toContain('defect: the process stops');
    expect(findCanaries(canaries(), [{ where: 'what it printed', text: printed }])).toEqual([]);
  });

  test('is asked for a report by a signal writes none of them, though its environment holds some', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'report-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const options = `--report-on-signal --report-signal=SIGUSR2 --report-filename=report.json --report-directory=${folder}`;
    const service = await startServiceProcess({ ...env(), NODE_OPTIONS: options });
    onTestFinished(() => service.kill('SIGKILL'));
    service.kill('SIGUSR2');
    let report = '';
    await eventually(async () => {
      report = await readFile(join(folder, 'report.json'), 'utf8').catch(() => '');
      return parseJson(report) !== undefined;
    });
    expect(report).toContain('"javascriptStack"');
    expect(findCanaries(canaries(), [{ where: 'the report', text: report }])).toEqual([]);
  });

  test('has secrets in the wrong settings prints none of them', async () => {
    const { code, stderr } = await runServiceProcess({
      ...env(),
      PORT: API_KEY,
      REDIS_URL: `http://user:${REDIS_PASSWORD}@redis`,
      MAGIC_HOUR_BASE_URL: `ftp://${API_KEY}@example.com`,
      AUTH_JWKS_FILE: `/nowhere/${COOKIE}`,
      LOG_LEVEL: NEXT_KEY,
    });
    expect(code).toBe(78);
    expect(findCanaries(canaries(), [{ where: 'stderr', text: stderr }])).toEqual([]);
  });
});
