import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { cacheStatus, startReplica, whenFollowed } from '../support/fleet.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, type Stack } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

let redis: RedisServer;
let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
beforeAll(async () => {
  redis = await startRedisServer();
  emulator = await startMagicHourEmulator();
  issuer = await startTokenIssuer();
});
afterAll(() => Promise.all([redis.stop(), emulator.close(), issuer.close()]));
beforeEach(async () => {
  emulator.clear();
  await redis.command('FLUSHALL');
});

const start = (more: Readonly<Record<string, string>> = {}) =>
  startReplica({ REDIS_URL: redis.url, CACHE_PENDING_TTL_MS: '60000', ...more }, { emulator, issuer });

async function holdFlight(leader: Stack, follower: Stack, id = 'p1') {
  emulator.holdAll();
  const led = leader.lookup(id);
  await emulator.whenRequested(id);
  const followed = follower.lookup(id);
  await whenFollowed(redis, id);
  return { led, followed };
}

describe('a flight that fails', () => {
  test.each([
    ['with 500', 500, 502, 'upstream_error', null],
    ['with 402', 402, 402, 'payment_required', null],
    ['with 429', 429, 503, 'upstream_unavailable', '7'],
    ['with an answer about another project', 200, 502, 'upstream_bad_response', null],
  ])(
    '%s fails for whoever waits for it, at the cost of one request',
    async (_how, said, status, code, after) => {
      const [first, second] = [await start(), await start()];
      const headers = after === null ? {} : { 'retry-after': after };
      emulator.respondNext('p1', { status: said, headers, body: '{}' });
      const { led, followed } = await holdFlight(first, second);
      emulator.release();
      for (const answer of [await led, await followed]) {
        expect(answer.status).toBe(status);
        expect(answer.json()).toMatchObject({ code });
        expect(answer.headers.get('retry-after')).toBe(after);
      }
      expect(emulator.count()).toBe(1);
      expect(await redis.keys('*:flight')).toEqual([]);
    },
  );

  test('with 404 is none that fails: all are told so, and it is kept', async () => {
    const [first, second] = [await start(), await start()];
    const { led, followed } = await holdFlight(first, second, 'missing-1');
    emulator.release();
    for (const { status } of [await led, await followed]) expect(status).toBe(404);
    expect((await second.lookup('missing-1')).status).toBe(404);
    expect(emulator.count()).toBe(1);
  });

  test('by a key that its leader alone has is another’s to make', async () => {
    const [first, second] = [await start({ MAGIC_HOUR_API_KEY: 'a-wrong-key' }), await start()];
    emulator.project('p1', { status: 'queued' });
    const { led, followed } = await holdFlight(first, second);
    emulator.release();
    expect((await led).status).toBe(502);
    expect((await followed).status).toBe(200);
  });

  test('is not waited for a second time where it was its leader alone that failed', async () => {
    const dark = await startMagicHourEmulator();
    onTestFinished(dark.close);
    const [cutOff, well] = [await start({ MAGIC_HOUR_BASE_URL: dark.baseUrl }), await start()];
    emulator.project('p1', { status: 'queued' });
    dark.project('p1', { response: { reset: true } });
    dark.holdAll();
    const led = cutOff.lookup('p1');
    await dark.whenRequested('p1');
    const followed = well.lookup('p1');
    await whenFollowed(redis, 'p1');
    dark.release();
    for (const { status } of [await led, await followed]) expect(status).toBe(502);
    dark.holdAll();
    const ledAgain = cutOff.lookup('p1');
    await dark.whenRequested('p1', 2);
    expect((await well.lookup('p1')).status).toBe(200);
    dark.release();
    expect((await ledAgain).status).toBe(502);
  });
});

test('a purge lets a flight go that another replica waits for: what is kept was asked for after it', async () => {
  const [first, second] = [await start(), await start()];
  emulator.project('p1', { status: 'queued' });
  const { led, followed } = await holdFlight(first, second);
  const purged = await first.ops.request('/cache/image-projects/p1', { method: 'DELETE' });
  expect(purged.status).toBe(204);
  await emulator.whenRequested('p1', 2);
  emulator.release();
  for (const { status } of [await led, await followed]) expect(status).toBe(200);
  await eventually(async () => (await redis.keys('*:flight')).length === 0);
  expect(emulator.count()).toBe(2);
});

test('a flight is shared over a Redis Cluster', async () => {
  const cluster = await startRedisCluster({ masters: 3 });
  onTestFinished(cluster.stop);
  const env = { ...cluster.env, CACHE_PENDING_TTL_MS: '60000' };
  const beside = { emulator, issuer };
  const [first, second] = [await startReplica(env, beside), await startReplica(env, beside)];
  const waiting = () =>
    eventually(async () => {
      const sums = await Promise.all(cluster.servers.map((server) => server.commandCount('evalsha')));
      return sums.reduce((sum, each) => sum + each) >= 2;
    });
  for (let n = 0; n < 5; n += 1) {
    emulator.project(`p${n}`, { status: 'queued' });
    emulator.holdAll();
    const led = first.lookup(`p${n}`);
    await emulator.whenRequested(`p${n}`);
    await Promise.all(cluster.servers.map((server) => server.command('CONFIG', 'RESETSTAT')));
    const followed = second.lookup(`p${n}`);
    await waiting();
    emulator.release();
    expect(cacheStatus(await followed)).toBe('fwd=uri-miss; collapsed');
    expect((await led).status).toBe(200);
    expect(emulator.count(`p${n}`)).toBe(1);
  }
});
