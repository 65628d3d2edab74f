import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { scrape } from '../../bench/support/scrape.ts';
import { startLoad } from '../support/load.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { createRandom, shuffled } from '../support/random.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { eventually } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';
import { createFaults, type Fault } from './faults.ts';
import { type Sample, sample, trends } from './gauges.ts';
import { createJudge } from './judge.ts';
import { createTraffic, hotProject } from './traffic.ts';

/** `npm run test:soak` takes twenty minutes. */
const SECONDS = z.coerce.number().int().min(60).default(60).parse(process.env.SOAK_SECONDS);
const SEED = z.coerce
  .number()
  .int()
  .min(1)
  .default(1 + (Date.now() % 1_000_000))
  .parse(process.env.SOAK_SEED);

const WARM_UP_SECONDS = Math.min(SECONDS / 3, 180);
/**
 * What the last third may lie above the first. A minute is short for V8 to settle in, and shows whether each request leaves
 * itself behind, no less.
 */
const MAX_GROWTH = SECONDS < 600 ? 0.2 : 0.05;
/** Sockets come and go with the faults that happen to be drawn. */
const MAX_MORE_OPEN = 20;

/** What this test itself may have open at the end, to look how things are; fewer than there are faults in a minute. */
const OWN_CONNECTIONS = 8;

const CLIENTS = 40;
const PAUSE_MS = 250;
const SAMPLE_EVERY_MS = 1000;
const RENEW_TOKENS_EVERY_MS = 240_000;
const RECOVERY_MS = 20_000;
const ASK_AGAIN_MS = 200;
const CACHE_BYTES = 2 * 1024 * 1024;

let folder: string;
let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let redis: RedisServer;
let service: ServiceProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-soak-'));
  const keyFile = join(folder, 'key');
  emulator = await startMagicHourEmulator();
  issuer = await startTokenIssuer();
  redis = await startRedisServer();
  await writeFile(keyFile, emulator.apiKey);
  service = await startServiceProcess({
    MAGIC_HOUR_API_KEY_FILE: keyFile,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    REDIS_URL: redis.url,
    RATE_LIMIT_IP_MAX: '1000000',
    // One user asks for more, also in what is left of a window after a flush of Redis.
    RATE_LIMIT_MAX: '40',
    RATE_LIMIT_WINDOW_SECONDS: '10',
    // Small, so that it is full long before the end.
    CACHE_MEMORY_MAX_BYTES: `${CACHE_BYTES}`,
    UPSTREAM_TIMEOUT_MS: '2500',
    UPSTREAM_DEADLINE_MS: '6000',
  });
});

afterAll(async () => {
  service.kill('SIGKILL');
  await service.exited;
  await Promise.all([emulator.close(), issuer.close(), redis.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function isHealthy(): Promise<boolean> {
  const readiness = await (await fetch(`${service.opsUrl}/readyz`)).text();
  return !readiness.includes('degraded');
}

async function lookup(id: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${service.publicUrl}/v1/image-projects/${id}`, { headers })).status;
}

test(`${SECONDS} s of everything at once leave nothing behind (SOAK_SEED=${SEED})`, {
  timeout: (SECONDS + 120) * 1000,
}, async () => {
  const random = createRandom(SEED);
  const judge = createJudge();
  const traffic = await createTraffic(issuer, random);
  await traffic.renewTokens();
  const faults = createFaults({
    emulator,
    issuer,
    redis,
    random,
    servicePort: Number(new URL(service.publicUrl).port),
    keyFile: join(folder, 'key'),
  });
  const over = new AbortController();
  const samples: Sample[] = [];
  const purges = new Set<number>();
  let happened = 0;

  const every = async (ms: number, work: () => Promise<unknown>): Promise<void> => {
    while (!over.signal.aborted) {
      await work();
      await sleep(ms, undefined, { signal: over.signal }).catch(() => undefined);
    }
  };

  async function run(fault: Fault): Promise<void> {
    const ended = judge.began(fault);
    await fault.begin();
    await sleep(500 + random(2500));
    await fault.end?.();
    await eventually(async () => (await isHealthy()) && (await isServing()), RECOVERY_MS);
    ended();
    happened += 1;
  }

  /**
   * A project that nobody has looked up yet comes from Magic Hour, and the issuer is asked again for keys that nobody has:
   * their flood has used up what it may be asked, so that this takes up to ten seconds.
   */
  async function isServing(): Promise<boolean> {
    const id = `complete-probe-${performance.now().toFixed(6).replace('.', '-')}`;
    const tokens = [traffic.anyUser(), traffic.stranger];
    const statuses = await Promise.all(tokens.map((token) => lookup(id, token)));
    if (statuses.join() === '200,401') return true;
    await sleep(ASK_AGAIN_MS);
    return false;
  }

  async function inject(): Promise<void> {
    for (const fault of shuffled(faults, random)) if (!over.signal.aborted) await run(fault);
  }

  async function purge(): Promise<void> {
    const url = `${service.opsUrl}/cache/image-projects/${hotProject(random)}`;
    purges.add((await fetch(url, { method: 'DELETE' })).status);
  }

  await eventually(isHealthy);
  const before = await sample(service.opsUrl);
  const load = startLoad({
    baseUrl: service.publicUrl,
    clients: CLIENTS,
    next: traffic.next,
    pauseMs: () => random(2 * PAUSE_MS),
    onExchange(exchange) {
      traffic.onExchange(exchange);
      judge.onExchange(exchange);
    },
  });
  const chores = Promise.all([
    every(SAMPLE_EVERY_MS, async () => samples.push(await sample(service.opsUrl))),
    every(SAMPLE_EVERY_MS, purge),
    every(RENEW_TOKENS_EVERY_MS, traffic.renewTokens),
    every(0, inject),
  ]);
  await Promise.race([chores, sleep(SECONDS * 1000)]);
  over.abort();
  await chores;
  const { endings, verdicts } = await load.stop();

  const warm = samples.filter(({ atSeconds }) => atSeconds > before.atSeconds + WARM_UP_SECONDS);
  const found = trends(warm);
  const figures = { seed: SEED, seconds: SECONDS, faults: happened, endings, purges: [...purges], found };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);

  expect(judge.unexplained()).toEqual([]);
  expect(verdicts.lost + verdicts.refused + verdicts.draining).toBe(0);
  expect(Object.keys(endings)).toEqual(
    expect.arrayContaining(['200', '304', '400', '401', '404', '429', 'left']),
  );
  expect(happened).toBeGreaterThanOrEqual(faults.length);
  expect([...purges].filter((status) => status !== 204 && status !== 503)).toEqual([]);
  const byGauge = Object.fromEntries(found.map((trend) => [trend.gauge, trend]));
  expect(byGauge.residentBytes?.growth).toBeLessThan(MAX_GROWTH);
  expect(byGauge.heapBytes?.growth).toBeLessThan(MAX_GROWTH);
  expect(byGauge.openFiles?.last).toBeLessThan((byGauge.openFiles?.first ?? 0) + MAX_MORE_OPEN);
  expect(
    service.lines.filter((line) => /"level":"(error|fatal)"/.test(line) && line.includes('internal_error')),
  ).toEqual([]);

  // Those who left have their flights land without them.
  await eventually(async () => {
    const read = await scrape(service.opsUrl);
    return read('upstream_requests_in_flight') + read('upstream_requests_queued') === 0;
  });
  const read = await scrape(service.opsUrl);
  expect([read('redis_up'), read('upstream_circuit_open')]).toEqual([1, 0]);
  expect(read('cache_memory_bytes')).toBeLessThanOrEqual(CACHE_BYTES);
  // Magic Hour lets go of its idle connections; then nothing is open that was not at the beginning.
  await emulator.close();
  await eventually(
    async () => (await sample(service.opsUrl)).openFiles <= before.openFiles + OWN_CONNECTIONS,
  );
  service.kill('SIGTERM');
  expect((await service.exited).code).toBe(0);
});
