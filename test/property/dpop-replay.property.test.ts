import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDpopKey, type DpopKey } from '../support/dpop-key.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, openStack, type Stack } from '../support/stack.ts';

const PATH = '/v1/image-projects/complete-1';
/** Both replicas are one service to their callers. */
const PUBLIC_URL = 'https://images.example.com';

let redis: RedisServer;
let replicas: readonly Stack[];
let keys: readonly DpopKey[];
let tokens: readonly string[];

beforeAll(async () => {
  redis = await startRedisServer();
  const env = {
    REDIS_URL: redis.url,
    DPOP_PUBLIC_URL: PUBLIC_URL,
    RATE_LIMIT_MAX: '1000000',
    RATE_LIMIT_IP_MAX: '1000000',
  };
  const first = await openStack({ env });
  const second = await openStack({ env, beside: first });
  replicas = [first, second];
  for (const { metric } of replicas) await eventually(async () => (await metric('redis_up')) === 1);
  keys = await Promise.all([createDpopKey(), createDpopKey()]);
  tokens = await Promise.all(keys.map(({ thumbprint }) => first.issuer.token({ cnf: { jkt: thumbprint } })));
});
afterAll(async () => {
  for (const { stop } of replicas.toReversed()) await stop();
  await redis.stop();
});

async function statusOf(replica: number, holder: number, proof: string): Promise<number> {
  const headers = { authorization: `DPoP ${tokens[holder]}`, dpop: proof };
  return (await replicas[replica]?.client.request(PATH, { headers }))?.status ?? 0;
}

const proofOf = (holder: number) =>
  keys[holder]?.proof({ url: `${PUBLIC_URL}${PATH}`, token: tokens[holder] ?? '' });

test('a proof is taken once by all replicas together, in whatever order and however much at once it comes', async () => {
  const uses = fc.array(fc.record({ replica: fc.nat({ max: 1 }), atOnce: fc.boolean() }), {
    minLength: 1,
    maxLength: 6,
  });
  const sent = fc.array(fc.record({ holder: fc.nat({ max: 1 }), uses }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(sent, async (all) => {
      const results = await Promise.all(
        all.map(async ({ holder, uses: each }) => {
          const proof = (await proofOf(holder)) ?? '';
          const under: Promise<number>[] = [];
          for (const { replica, atOnce } of each) {
            const status = statusOf(replica, holder, proof);
            under.push(status);
            if (!atOnce) await status;
          }
          return Promise.all(under);
        }),
      );
      for (const statuses of results) {
        expect(statuses.filter((status) => status === 200)).toHaveLength(1);
        expect(statuses.filter((status) => status !== 200 && status !== 401)).toEqual([]);
      }
    }),
    { numRuns: 60 },
  );
});

test('what is kept of a proof in Redis is a hash of it, and goes', async () => {
  await statusOf(0, 0, (await proofOf(0)) ?? '');
  const names = await redis.keys('*v1:dpop:*');
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    expect(name).toMatch(/^mhbff:v1:dpop:[\w-]{43}$/);
    const leftMs = Number(await redis.command('PTTL', name));
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(140_000);
  }
});

test('while Redis is away each replica takes a proof once, and none that it took before', async () => {
  const before = (await proofOf(0)) ?? '';
  expect(await statusOf(0, 0, before)).toBe(200);
  await redis.kill();
  const proof = (await proofOf(0)) ?? '';
  expect([await statusOf(0, 0, proof), await statusOf(0, 0, proof)]).toEqual([200, 401]);
  expect(await statusOf(0, 0, before)).toBe(401);
  expect([await statusOf(1, 0, proof), await statusOf(1, 0, proof)]).toEqual([200, 401]);
});
