import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type LoadRequest, startLoad } from '../support/load.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { createRandom } from '../support/random.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ServiceProcess, spawnServiceProcess } from '../support/service-process.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

const CLIENTS = 200;
const EXCHANGES_BEFORE = 1000;
const TIMEOUT_MS = 90_000;

let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let tokens: readonly string[];
beforeAll(async () => {
  [emulator, issuer] = await Promise.all([startMagicHourEmulator(), startTokenIssuer()]);
  tokens = await Promise.all(Array.from({ length: 10 }, (_, n) => issuer.token({ sub: `user-${n}` })));
});
afterAll(() => Promise.all([emulator.close(), issuer.close()]));

type Env = Readonly<Record<string, string>>;

async function spawn(env: Env = {}): Promise<ServiceProcess & { readonly ready: Promise<void> }> {
  const service = await spawnServiceProcess({
    MAGIC_HOUR_API_KEY: emulator.apiKey,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    RATE_LIMIT_MAX: '10000000',
    RATE_LIMIT_IP_MAX: '10000000',
    ...env,
  });
  onTestFinished(async () => {
    service.kill('SIGKILL');
    await service.exited;
  });
  return service;
}

async function start(env: Env = {}): Promise<ServiceProcess> {
  const { ready, ...service } = await spawn(env);
  await ready;
  return service;
}

const project = (n: number, id: string): LoadRequest => ({
  path: `/v1/image-projects/${id}`,
  headers: { authorization: `Bearer ${tokens[n % tokens.length]}` },
});

/** Hits for the most part, with projects that are not finished, not there, new, or long in coming: up to 200 ms. */
function mixed(n: number): LoadRequest {
  if (n % 10 === 0) return project(n, `slow-${n % 200}-${n}`);
  if (n % 10 === 1) return project(n, `missing-${n % 50}`);
  if (n % 10 === 2) return project(n, `queued-${n % 7}`);
  if (n % 10 === 3) return project(n, `complete-new-${n}`);
  return project(n, `complete-${n % 30}`);
}

function loadOn(service: ServiceProcess, next: (n: number) => LoadRequest, clients = CLIENTS) {
  const random = createRandom(1);
  return startLoad({ baseUrl: service.publicUrl, clients, next, pauseMs: () => random(100) });
}

describe('SIGTERM under 200 clients', () => {
  test.each([
    ['at once', '0'],
    ['after a delay for load balancers', '1'],
  ])(
    '%s loses no request, and gives no 5xx but draining',
    { timeout: TIMEOUT_MS },
    async (_when, seconds) => {
      const service = await start({ SHUTDOWN_DELAY_SECONDS: seconds });
      const load = loadOn(service, mixed);
      await load.whenMoreEnded(EXCHANGES_BEFORE);
      service.kill('SIGTERM');
      expect((await service.exited).code).toBe(0);
      await load.allRefused;
      const { verdicts, failures } = await load.stop();
      expect(failures).toEqual([]);
      expect(verdicts).toMatchObject({ failed: 0, lost: 0, refused: CLIENTS });
      expect(service.lines.join()).toContain('"finished":true');
    },
  );

  test('is cut short by a second one', { timeout: TIMEOUT_MS }, async () => {
    const service = await start({ SHUTDOWN_DELAY_SECONDS: '100', SHUTDOWN_GRACE_SECONDS: '600' });
    const load = loadOn(service, mixed);
    await load.whenMoreEnded(EXCHANGES_BEFORE);
    service.kill('SIGTERM');
    await load.whenMoreEnded(CLIENTS);
    service.kill('SIGTERM');
    expect((await service.exited).code).toBe(143);
    await load.stop();
  });
});

describe('SIGTERM while Magic Hour hangs', () => {
  const hanging = (n: number) => project(n, `hang-${n}`);

  test.each([
    [
      'gives the answer of the deadline where that is within the grace',
      { UPSTREAM_TIMEOUT_MS: '1000', UPSTREAM_RETRIES: '0' },
      '504 upstream_timeout',
    ],
    [
      'says draining where the deadline is not',
      { UPSTREAM_TIMEOUT_MS: '60000', UPSTREAM_DEADLINE_MS: '60000', SHUTDOWN_GRACE_SECONDS: '4' },
      '503 draining',
    ],
  ])('%s', { timeout: TIMEOUT_MS }, async (_what, env, ending) => {
    const service = await start(env);
    const clients = 30;
    const arrived = emulator.count();
    const load = loadOn(service, hanging, clients);
    await emulator.whenRequested('*', arrived + clients);
    service.kill('SIGTERM');
    expect((await service.exited).code).toBe(0);
    await load.allRefused;
    const { verdicts, endings } = await load.stop();
    expect(verdicts).toMatchObject({ lost: 0, refused: clients });
    expect(endings[ending]).toBeGreaterThanOrEqual(clients);
    expect(service.lines.join()).toContain('"finished":true');
  });
});

describe('SIGTERM while Redis is away', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedisServer();
  });
  afterAll(() => redis.stop());

  test.each([
    ['paused', { away: () => redis.pause(), back: async () => redis.resume() }],
    ['killed', { away: () => redis.kill(), back: () => redis.restart() }],
  ])('(%s) loses no request either', { timeout: TIMEOUT_MS }, async (_how, { away, back }) => {
    onTestFinished(back);
    const service = await start({ REDIS_URL: redis.url });
    const load = loadOn(service, mixed, 50);
    await load.whenMoreEnded(200);
    await away();
    service.kill('SIGTERM');
    expect((await service.exited).code).toBe(0);
    await load.allRefused;
    const { verdicts, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(verdicts).toMatchObject({ failed: 0, lost: 0, refused: 50 });
  });
});

/** Says on stdout when signals are listened for, and when the service's parts are loaded. */
const TELL_ORDER = `
  import { registerHooks } from 'node:module';
  const say = (what) => process.stdout.write(what + '\\n');
  process.on('newListener', (event) => { if (event === 'SIGTERM') say('listens'); });
  registerHooks({ load(url, context, load) {
    if (/\\/service\\.ts$/.test(url)) say('loads');
    return load(url, context);
  } });
`;

describe('SIGTERM during the start', () => {
  test('is listened for before the parts are loaded', async () => {
    const preload = `data:text/javascript,${encodeURIComponent(TELL_ORDER)}`;
    const { lines } = await start({ NODE_OPTIONS: `--import ${preload}` });
    expect(lines.filter((line) => line === 'listens' || line === 'loads')).toEqual(['listens', 'loads']);
  });

  test('is heard, and ends it with 0', async () => {
    // A start can be held where it reads a key: from a named pipe that nobody has written to yet.
    const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-pipes-'));
    const [key, next] = [join(folder, 'key'), join(folder, 'next')];
    await promisify(execFile)('mkfifo', [key, next]);
    const service = await spawn({
      MAGIC_HOUR_API_KEY: '',
      MAGIC_HOUR_API_KEY_FILE: key,
      MAGIC_HOUR_API_KEY_NEXT_FILE: next,
    });
    onTestFinished(async () => {
      // Whoever still waits for a reader has one.
      for (const path of [key, next]) await (await open(path, 'r+')).close();
      await rm(folder, { recursive: true });
    });
    /** Resolves once the service has come to read it. */
    const feed = async (path: string, meanwhile = () => undefined as unknown) => {
      const pipe = await open(path, 'w');
      meanwhile();
      await pipe.writeFile('mhk_key');
      await pipe.close();
    };
    const start = async () => {
      // The settings are checked …
      await feed(key);
      await feed(next);
      // … and the parts are put together.
      await feed(key, () => service.kill('SIGTERM'));
      await feed(next);
    };
    await Promise.race([start(), service.exited]);
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.stderr()).toBe('');
  });
});
