import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { settle } from '../support/builders.ts';
import {
  cacheStatus,
  keyOf,
  startReplica,
  startReplicaProcess,
  textOf,
  whenFollowed,
} from '../support/fleet.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, type Stack } from '../support/stack.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

let redis: RedisServer;
let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let env: Readonly<Record<string, string>>;
beforeAll(async () => {
  redis = await startRedisServer();
  emulator = await startMagicHourEmulator();
  issuer = await startTokenIssuer();
  env = { REDIS_URL: redis.url, CACHE_PENDING_TTL_MS: '60000' };
});
afterAll(() => Promise.all([redis.stop(), emulator.close(), issuer.close()]));
beforeEach(async () => {
  emulator.clear();
  await redis.command('FLUSHALL');
});

const start = (more: Readonly<Record<string, string>> = {}) =>
  startReplica({ ...env, ...more }, { emulator, issuer });
const startProcess = () => startReplicaProcess(env, { emulator, issuer });

/** Has one replica ask the upstream, which doesn't answer yet, and others wait for it. */
async function holdFlight<T>(leader: { lookup(id: string): Promise<T> }, rest: readonly Stack[], id = 'p1') {
  emulator.holdAll();
  const led = leader.lookup(id);
  const ended = Promise.allSettled([led]);
  await emulator.whenRequested(id);
  const followed = rest.map((follower) => follower.lookup(id));
  await whenFollowed(redis, id);
  return { led, ended, followed: Promise.all(followed) };
}

/** The question itself is one of those that are under way. */
const allAreThere = async (replica: Stack, lookups: number) =>
  (await replica.metric('http_requests_in_flight')) === lookups + 1;

describe('lookups of one project at several replicas', () => {
  test('1,000 at four, of an entry that has expired, cost one request', async () => {
    // All have to have come before the upstream answers, and four replicas share this process.
    const patient = {
      UPSTREAM_TIMEOUT_MS: '60000',
      UPSTREAM_DEADLINE_MS: '60000',
      REDIS_COMMAND_TIMEOUT_MS: '5000',
    };
    const replicas = await Promise.all(
      [0, 1, 2, 3].map(() => start({ CACHE_PENDING_TTL_MS: '2000', ...patient })),
    );
    emulator.project('p1', { status: 'rendering' });
    await Promise.all(replicas.map((replica) => replica.lookup('p1')));
    await eventually(async () => (await textOf(redis, 'p1')) === null);
    // What they get doesn't end while a busy machine is at it.
    emulator.project('p1', { status: 'complete' });
    const before = emulator.count('p1');
    emulator.holdAll();
    const lookups = replicas.flatMap((replica) =>
      Array.from({ length: 250 }, (_, n) => replica.lookup('p1', { user: `user-${n % 50}` })),
    );
    await Promise.all(replicas.map((replica) => eventually(() => allAreThere(replica, 250), 20_000)));
    emulator.release();
    const answers = await Promise.all(lookups);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(emulator.count('p1') - before).toBe(1);
    expect(answers.map(cacheStatus).filter((status) => !/collapsed|hit/.test(status))).toHaveLength(1);
    expect(await redis.keys('*:flight')).toEqual([]);
  }, 60_000);

  test('cost one request, and whoever waited for it is told so', async () => {
    const [first, second] = [await start(), await start()];
    emulator.project('p1', { status: 'queued' });
    const published = await redis.commandCount('publish');
    const { led, followed } = await holdFlight(first, [second]);
    emulator.release();
    const [other] = await followed;
    expect(await redis.commandCount('publish')).toBe(published + 1);
    expect(cacheStatus(await led)).toBe('fwd=uri-miss; fwd-status=200; stored');
    expect(other && cacheStatus(other)).toBe('fwd=uri-miss; collapsed');
    expect(other?.body.equals((await led).body)).toBe(true);
    expect(await second.metric('lookups_total{kind="image",result="collapsed"}')).toBe(1);
    expect(cacheStatus(await second.lookup('p1'))).toBe('hit; detail=memory');
    expect(emulator.count()).toBe(1);
  });

  test('have the upstream asked once for a refresh, too', async () => {
    const [first, second] = [await start(), await start()];
    emulator.project('p1', { status: 'complete', downloads: [{ lifetimeSeconds: 600 }] });
    for (const replica of [first, second]) await replica.lookup('p1');
    emulator.project('p1', { status: 'complete', downloads: [{ lifetimeSeconds: 7200 }] });
    const refresh = (replica: Stack) => ({ lookup: (id: string) => replica.lookup(`${id}?min_valid=3600`) });
    emulator.holdAll();
    const led = refresh(first).lookup('p1');
    await emulator.whenRequested('p1', 2);
    const followed = refresh(second).lookup('p1');
    await whenFollowed(redis, 'p1');
    emulator.release();
    expect(cacheStatus(await led)).toBe('fwd=request; fwd-status=200; stored');
    expect(cacheStatus(await followed)).toBe('fwd=request; collapsed');
    expect(emulator.count()).toBe(2);
  });

  test('publish nothing where nobody waits, and a hit writes nothing', async () => {
    const [first, second] = [await start(), await start()];
    emulator.project('p1', { status: 'queued' });
    const published = await redis.commandCount('publish');
    await first.lookup('p1');
    await eventually(async () => (await textOf(redis, 'p1')) !== null);
    expect(await redis.commandCount('publish')).toBe(published);
    const written = await redis.commandCount('set');
    expect(cacheStatus(await second.lookup('p1'))).toBe('hit; detail=redis');
    expect(await redis.commandCount('set')).toBe(written);
  });

  test('wait a moment longer where the message is lost', async () => {
    const [first, second] = [await start(), await start()];
    emulator.project('p1', { status: 'queued' });
    const { followed } = await holdFlight(first, [second]);
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    emulator.release();
    expect((await followed).map(cacheStatus)).toEqual(['fwd=uri-miss; collapsed']);
    expect(emulator.count()).toBe(1);
  });

  test('ask each for itself where the answer may not be kept', async () => {
    const [first, second, third] = [await start(), await start(), await start()];
    emulator.project('p1', { status: 'complete', fields: { enabled: false } });
    const { led, followed } = await holdFlight(first, [second, third]);
    emulator.release();
    for (const { status } of [await led, ...(await followed)]) expect(status).toBe(200);
    expect(emulator.count()).toBe(3);
    expect(await redis.keys('mhbff:v1:{*')).toEqual([]);
  });

  test('fly apart where unfinished projects are not kept', async () => {
    const apart = { CACHE_PENDING_TTL_MS: '0' };
    const [first, second] = [await start(apart), await start(apart)];
    emulator.project('p1', { status: 'queued' });
    emulator.holdAll();
    const both = Promise.all([first.lookup('p1'), second.lookup('p1')]);
    await emulator.whenRequested('p1', 2);
    expect(await redis.keys('*')).toEqual([]);
    emulator.release();
    for (const { status } of await both) expect(status).toBe(200);
  });
});

describe('a leader that is', () => {
  test('slow, for longer than a lock lives, is waited for', async () => {
    const [first, second] = [await start(), await start()];
    emulator.project('p1', { status: 'queued', delayMs: 3000 });
    const led = first.lookup('p1');
    await emulator.whenRequested('p1');
    const followed = second.lookup('p1');
    for (const { status } of [await led, await followed]) expect(status).toBe(200);
    expect(emulator.count()).toBe(1);
  });

  test('killed is replaced', async () => {
    const [leader, ...rest] = [await startProcess(), await start(), await start()] as const;
    emulator.project('p1', { status: 'queued' });
    const { ended, followed } = await holdFlight(leader, rest);
    leader.kill('SIGKILL');
    emulator.release();
    for (const { status } of await followed) expect(status).toBe(200);
    expect((await ended)[0]?.status).toBe('rejected');
    expect(emulator.count()).toBe(2);
  });

  test('stalled is replaced, and what it brings when it wakes does not take the place of what is newer', async () => {
    const [leader, ...rest] = [await startProcess(), await start(), await start()] as const;
    emulator.project('p1', { status: 'queued' });
    const { led, followed } = await holdFlight(leader, rest);
    leader.kill('SIGSTOP');
    emulator.release();
    // Its answer waits for it now; the project goes on.
    await settle();
    emulator.project('p1', { status: 'rendering' });
    for (const answer of await followed) expect(answer.json()).toMatchObject({ status: 'rendering' });
    const stored = await textOf(redis, 'p1');
    leader.kill('SIGCONT');
    expect(await (await led).json()).toMatchObject({ status: 'queued' });
    await eventually(async () => (await (await leader.lookup('p1')).text()).includes('rendering'));
    expect(await textOf(redis, 'p1')).toBe(stored);
    expect(emulator.count()).toBe(2);
  });

  test('stalled does not end the flight of the one that replaced it', async () => {
    const [leader, follower] = [await startProcess(), await start()];
    emulator.project('p1', { status: 'queued' });
    const { led, followed } = await holdFlight(leader, [follower]);
    leader.kill('SIGSTOP');
    await emulator.whenRequested('p1', 2);
    const flight = await textOf(redis, 'p1', ':flight');
    emulator.respondNext('p1', { status: 402, body: '{}' });
    emulator.project('p1', { status: 'queued', delayMs: 500 });
    emulator.release();
    leader.kill('SIGCONT');
    expect((await led).status).toBe(402);
    expect(await textOf(redis, 'p1', ':flight')).toBe(flight);
    expect((await followed).map(({ status }) => status)).toEqual([200]);
    expect(await redis.command('EXISTS', keyOf('p1'))).toBe(1);
  });

  test('cut off from Redis is replaced, and answers its own callers', async () => {
    const proxy = await startTcpProxy(redis.port);
    onTestFinished(proxy.close);
    const away = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, REDIS_COMMAND_TIMEOUT_MS: '250' };
    const [leader, follower] = [await start(away), await start()];
    emulator.project('p1', { status: 'queued' });
    const { led, followed } = await holdFlight(leader, [follower]);
    proxy.swallow();
    await emulator.whenRequested('p1', 2);
    emulator.release();
    expect((await led).status).toBe(200);
    expect((await followed).map(({ status }) => status)).toEqual([200]);
    expect(emulator.count()).toBe(2);
  });
});
