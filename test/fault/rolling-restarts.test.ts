import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { NOTICED_WITHIN_SECONDS, startHaProxy } from '../support/haproxy.ts';
import { startLoad } from '../support/load.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { eventually } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

const RESTARTS = 20;
const CLIENTS = 100;

let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let redis: RedisServer;
beforeAll(async () => {
  [emulator, issuer, redis] = await Promise.all([
    startMagicHourEmulator(),
    startTokenIssuer(),
    startRedisServer(),
  ]);
});
afterAll(() => Promise.all([emulator.close(), issuer.close(), redis.stop()]));

test(`${RESTARTS} restarts of two replicas behind HAProxy, one after the other, lose nothing`, {
  timeout: 400_000,
}, async () => {
  const ports = await Promise.all(
    [0, 1].map(async () => ({ publicPort: await freePort(), opsPort: await freePort() })),
  );
  const start = (n: number): Promise<ServiceProcess> =>
    startServiceProcess({
      PORT: String(ports[n]?.publicPort),
      OPS_PORT: String(ports[n]?.opsPort),
      MAGIC_HOUR_API_KEY: emulator.apiKey,
      MAGIC_HOUR_BASE_URL: emulator.baseUrl,
      AUTH_ISSUER: issuer.issuer,
      AUTH_AUDIENCE: issuer.audience,
      REDIS_URL: redis.url,
      RATE_LIMIT_MAX: '10000000',
      RATE_LIMIT_IP_MAX: '10000000',
      SHUTDOWN_DELAY_SECONDS: String(NOTICED_WITHIN_SECONDS),
    });
  const replicas = await Promise.all([start(0), start(1)]);
  onTestFinished(async () => {
    for (const replica of replicas) replica.kill('SIGKILL');
    await Promise.all(replicas.map(({ exited }) => exited));
  });
  const proxy = await startHaProxy(ports);
  onTestFinished(proxy.stop);
  await eventually(async () => (await proxy.up()).length === 2, 20_000);

  const tokens = await Promise.all(Array.from({ length: 10 }, (_, n) => issuer.token({ sub: `user-${n}` })));
  const load = startLoad({
    baseUrl: proxy.url,
    clients: CLIENTS,
    next: (n) => ({
      path: `/v1/image-projects/${n % 25 === 0 ? `slow-100-${n}` : `complete-${n % 40}`}`,
      headers: { authorization: `Bearer ${tokens[n % tokens.length]}` },
    }),
  });
  await load.whenMoreEnded(1000);
  for (let restart = 0; restart < RESTARTS; restart += 1) {
    const n = restart % 2;
    replicas[n]?.kill('SIGTERM');
    expect((await replicas[n]?.exited)?.code).toBe(0);
    replicas[n] = await start(n);
    await eventually(async () => (await proxy.up()).includes(`r${n}`), 20_000);
    await load.whenMoreEnded(200);
  }
  const { verdicts, failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(verdicts).toMatchObject({ draining: 0, failed: 0, refused: 0, lost: 0 });
  expect(verdicts.answered).toBeGreaterThan(1000 + RESTARTS * 200);
});
