import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { DAY_MS } from '../support/builders.ts';
import type { ContractResponse } from '../support/contract-client.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { ageKeys } from '../support/real-redis-tier.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, openStack, type Stack } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

/**
 * Two replicas over a real Redis and the emulator, whose clock shows true time; those of the replicas do not, and Redis
 * only ever measures. Worse than without skew would be: a URL that is over, a promise beyond its end, or news kept back
 * for longer.
 */
const PENDING_TTL_SECONDS = 60;
const FIVE_MINUTES_MS = 300_000;
const ENV = {
  CACHE_PENDING_TTL_MS: String(PENDING_TTL_SECONDS * 1000),
  CACHE_NOT_FOUND_TTL_SECONDS: String(PENDING_TTL_SECONDS),
  // A busy machine must not look like a Redis that is away.
  REDIS_COMMAND_TIMEOUT_MS: '10000',
  RATE_LIMIT_MAX: '100000',
  RATE_LIMIT_IP_MAX: '100000',
};

let redis: RedisServer;
let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let replicas: readonly Stack[];
/** How much true time has passed beyond what really did. */
let passedMs = 0;
let offsetsMs: readonly number[] = [0, 0];
let ids = 0;

const trueNow = () => Date.now() + passedMs;
async function pass(ms: number): Promise<void> {
  passedMs += ms;
  await ageKeys(redis, ms);
}

beforeAll(async () => {
  redis = await startRedisServer();
  const env = { ...ENV, REDIS_URL: redis.url };
  const clockOf = (replica: number) => ({ now: () => trueNow() + (offsetsMs[replica] ?? 0) });
  emulator = await startMagicHourEmulator({ now: trueNow });
  // Its tokens outlive all the time that passes here.
  issuer = await startTokenIssuer({ tokenLifetimeSeconds: (30 * DAY_MS) / 1000 });
  const beside = { emulator, issuer };
  replicas = [
    await openStack({ env, clock: clockOf(0), beside }),
    await openStack({ env, clock: clockOf(1), beside }),
  ];
  for (const replica of replicas) {
    await eventually(async () => (await replica.metric('redis_up')) === 1);
  }
});
beforeEach(() => {
  offsetsMs = [0, 0];
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.stop()));
  await Promise.all([emulator.close(), issuer.close(), redis.stop()]);
});

const newId = () => {
  ids += 1;
  return `skewed-${ids}`;
};
const downloadsSchema = z.object({ downloads: z.array(z.object({ expires_at: z.iso.datetime() })) });
const numberIn = (text: string | null, pattern: RegExp) => Number(pattern.exec(text ?? '')?.[1] ?? 0);

/** @param untilMs what no promise may go beyond, by true time */
function expectPromisesWithin(response: ContractResponse, untilMs: number): void {
  const { headers } = response;
  const leftSeconds = Math.ceil((untilMs - trueNow()) / 1000) + 1;
  expect(numberIn(headers.get('cache-control'), /max-age=(\d+)/)).toBeLessThanOrEqual(
    Math.max(0, leftSeconds),
  );
  expect(numberIn(headers.get('cache-status'), /ttl=(\d+)/)).toBeLessThanOrEqual(Math.max(0, leftSeconds));
  expect(headers.get('age') ?? '0').toMatch(/^\d+$/);
}

async function storedUnder(id: string): Promise<void> {
  await eventually(async () => (await redis.keys(`mhbff:v1:{image:${id}}`)).length === 1);
}

const offset = fc.oneof(
  fc.constantFrom(-FIVE_MINUTES_MS, 0, FIVE_MINUTES_MS),
  fc.integer({ min: -FIVE_MINUTES_MS, max: FIVE_MINUTES_MS }),
);
const offsets = fc.tuple(offset, offset);

test('no URL is served that is over, and no longer life is promised, however the clocks are off', async () => {
  const lives = fc.record({
    lifeSeconds: fc.integer({ min: 31, max: 1200 }),
    passes: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 2, maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(offsets, lives, async (clocks, { lifeSeconds, passes }) => {
      offsetsMs = clocks;
      const id = newId();
      emulator.project(id, {
        status: 'complete',
        downloads: [{ lifetimeSeconds: lifeSeconds }],
        resign: true,
      });
      for (const seconds of [0, ...passes]) {
        await pass(seconds * 1000);
        for (const replica of replicas) {
          const response = await replica.lookup(id);
          const [download] = downloadsSchema.parse(response.json()).downloads;
          const endMs = Date.parse(download?.expires_at ?? '');
          expect(endMs).toBeGreaterThan(trueNow());
          expectPromisesWithin(response, endMs);
        }
      }
    }),
    { numRuns: 40 },
  );
}, 120_000);

test('what is not over, or not there, is kept no longer, and shared by replicas whose reader is not ahead', async () => {
  await fc.assert(
    fc.asyncProperty(offsets, fc.constantFrom('queued', 'missing'), async (clocks, what) => {
      offsetsMs = clocks;
      const id = newId();
      const [first, second] = replicas;
      if (first === undefined || second === undefined) throw new Error('there are two replicas');
      if (what === 'queued') emulator.project(id, { status: 'queued' });
      await first.lookup(id);
      await storedUnder(id);
      const untilMs = trueNow() + PENDING_TTL_SECONDS * 1000;
      expectPromisesWithin(await second.lookup(id), untilMs);
      if (clocks[1] <= clocks[0]) expect(emulator.count(id)).toBe(1);
      await pass(PENDING_TTL_SECONDS * 1000 + 1000);
      emulator.project(id, { status: 'complete' });
      for (const replica of replicas) {
        const response = await replica.lookup(id);
        expect(response.json()).toMatchObject({ status: 'complete' });
      }
    }),
    { numRuns: 30 },
  );
}, 120_000);

test.each([-FIVE_MINUTES_MS, 0, FIVE_MINUTES_MS])(
  'a date to try again at is read by the clock of who wrote it (own clock off by %i ms)',
  async (ms) => {
    offsetsMs = [ms, ms];
    const id = newId();
    const [replica] = replicas;
    const headers = { 'retry-after': new Date(trueNow()).toUTCString() };
    emulator.project(id, { status: 'complete' });
    emulator.respondNext(id, { status: 503, headers, body: '{}' });
    expect((await replica?.lookup(id))?.status).toBe(200);
  },
);
