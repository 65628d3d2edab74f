import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openEvents } from '../support/event-reader.ts';
import { keyOf, startReplica, startReplicaProcess, whenFollowed } from '../support/fleet.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually } from '../support/stack.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

const NEVER = { WATCH_INTERVAL_MIN_MS: '600000', WATCH_INTERVAL_MAX_MS: '600000' };

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
  emulator.setApiKeys([emulator.apiKey]);
  await redis.command('FLUSHALL');
});

const envOf = (intervalMs: number) => ({
  REDIS_URL: redis.url,
  CACHE_PENDING_TTL_MS: String(intervalMs),
  WATCH_INTERVAL_MIN_MS: String(intervalMs),
});
const start = (env: Readonly<Record<string, string>>) => startReplica(env, { emulator, issuer });
const startAsProcess = (env: Readonly<Record<string, string>>) =>
  startReplicaProcess(env, { emulator, issuer });

async function follow(publicUrl: string) {
  const authorization = `Bearer ${await issuer.token({ sub: 'alice' })}`;
  return openEvents(`${publicUrl}/v1/image-projects/p1/events`, { authorization });
}

test('three replicas whose users follow one project poll it together', async () => {
  const replicas = await Promise.all([0, 1, 2].map(() => start(envOf(400))));
  emulator.project('p1', { status: 'queued' });
  const streams = await Promise.all(replicas.map(({ service }) => follow(service.publicUrl)));
  await Promise.all(streams.map((stream) => stream.event(0)));
  const before = emulator.count('p1');
  const begunMs = performance.now();
  await eventually(() => emulator.count('p1') >= before + 6, 20_000);
  expect(performance.now() - begunMs).toBeGreaterThan(5 * 400);
  emulator.project('p1', { status: 'complete' });
  for (const stream of streams) {
    expect((await stream.event(1)).data).toContain('"complete"');
    await stream.ended;
  }
});

test('what a plain lookup at one replica brings is told to those who wait at another', async () => {
  const [one, other] = await Promise.all([
    start({ ...envOf(100), ...NEVER }),
    start({ ...envOf(100), ...NEVER }),
  ]);
  emulator.project('p1', { status: 'queued' });
  const stream = await follow(one.service.publicUrl);
  const held = one.lookup('p1', { headers: { prefer: 'wait=60' } });
  await stream.event(0);
  await eventually(async () => (await redis.command('EXISTS', `${keyOf('p1')}:watched`)) === 1);
  emulator.project('p1', { status: 'complete' });
  await eventually(async () => (await other.lookup('p1')).body.includes('"complete"'));
  expect((await stream.event(1)).data).toContain('"complete"');
  expect((await held).json()).toMatchObject({ status: 'complete' });
  expect(emulator.count('p1')).toBe(2);
});

test('the replica that asks for all is killed while it asks, and another takes over within 3 seconds', async () => {
  // By its key the upstream knows who asks.
  const keys = ['key-of-the-one', 'key-of-the-other'];
  emulator.setApiKeys(keys);
  const replicas = await Promise.all(
    keys.map((key) => startAsProcess({ ...envOf(500), MAGIC_HOUR_API_KEY: key })),
  );
  emulator.project('p1', { status: 'queued' });
  const streams = await Promise.all(replicas.map(({ publicUrl }) => follow(publicUrl)));
  await Promise.all(streams.map((stream) => stream.event(0)));
  emulator.holdAll();
  const before = emulator.count('p1');
  await emulator.whenRequested('p1', before + 1);
  await whenFollowed(redis, 'p1');
  const asking = keys.findIndex((key) => emulator.requests.at(-1)?.headers.authorization === `Bearer ${key}`);
  replicas[asking]?.kill('SIGKILL');
  const killedMs = performance.now();
  emulator.project('p1', { status: 'complete' });
  await emulator.whenRequested('p1', before + 2);
  emulator.release();
  expect((await streams[1 - asking]?.event(1))?.data).toContain('"complete"');
  expect(performance.now() - killedMs).toBeLessThan(3000);
  await expect(streams[asking]?.ended).rejects.toThrow();
});

test('the only replica that asks is killed between two polls, and the others go on', async () => {
  const [killed, other] = [await startAsProcess(envOf(300)), await start(envOf(300))];
  emulator.project('p1', { status: 'queued' });
  const streams = [await follow(killed.publicUrl), await follow(other.service.publicUrl)];
  await Promise.all(streams.map((stream) => stream.event(0)));
  killed.kill('SIGKILL');
  emulator.project('p1', { status: 'complete' });
  const killedMs = performance.now();
  expect((await streams[1]?.event(1))?.data).toContain('"complete"');
  expect(performance.now() - killedMs).toBeLessThan(3000);
});

test('a replica that is cut off from Redis polls by itself', async () => {
  const proxy = await startTcpProxy(Number(new URL(redis.url).port));
  const [cutOff, other] = await Promise.all([
    start({ ...envOf(300), REDIS_URL: `redis://127.0.0.1:${proxy.port}`, REDIS_COMMAND_TIMEOUT_MS: '250' }),
    start(envOf(300)),
  ]);
  emulator.project('p1', { status: 'queued' });
  const streams = [await follow(cutOff.service.publicUrl), await follow(other.service.publicUrl)];
  await Promise.all(streams.map((stream) => stream.event(0)));
  proxy.swallow();
  await eventually(async () => (await cutOff.metric('redis_up')) === 0);
  emulator.project('p1', { status: 'complete' });
  for (const stream of streams) expect((await stream.event(1)).data).toContain('"complete"');
});

test('a project that the fleet has watched for long is not asked for as often by a replica that comes new', async () => {
  // Long enough for Redis to say since when it is watched, on a busy machine, too.
  const env = { ...envOf(600), WATCH_INTERVAL_MAX_MS: '600000' };
  const one = await start(env);
  emulator.project('p1', { status: 'queued' });
  // Half of the day for which that is remembered is over.
  await redis.command('SET', `${keyOf('p1')}:watched`, '1', 'PX', '43200000');
  const stream = await follow(one.service.publicUrl);
  await stream.event(0);
  const before = emulator.count('p1');
  const plain = await start(env);
  emulator.project('p2', { status: 'queued' });
  const authorization = `Bearer ${await issuer.token({ sub: 'alice' })}`;
  await openEvents(`${plain.service.publicUrl}/v1/image-projects/p2/events`, { authorization });
  await emulator.whenRequested('p2', 6);
  expect(emulator.count('p1')).toBe(before);
});
