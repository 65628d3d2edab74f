import { Agent, get } from 'node:http';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseLogLine } from '../support/log-conformance.ts';
import {
  EMULATOR_API_KEY,
  type MagicHourEmulator,
  startMagicHourEmulator,
} from '../support/magic-hour-emulator.ts';
import { runServiceProcess, type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { eventually } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
beforeAll(async () => {
  [emulator, issuer] = await Promise.all([startMagicHourEmulator(), startTokenIssuer()]);
});
afterAll(() => Promise.all([emulator.close(), issuer.close()]));

async function start(env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const service = await startServiceProcess({
    MAGIC_HOUR_API_KEY: emulator.apiKey,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    ...env,
  });
  onTestFinished(async () => {
    service.kill('SIGKILL');
    await service.exited;
  });
  return service;
}

/** Starts a second service where another listens already. */
async function runOnTakenPort() {
  const { publicUrl } = await start();
  const { port } = new URL(publicUrl);
  const ended = await runServiceProcess({
    MAGIC_HOUR_API_KEY: emulator.apiKey,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    PORT: port,
  });
  return { ...ended, port };
}

async function lookup(service: ServiceProcess, id: string): Promise<Response> {
  const authorization = `Bearer ${await issuer.token()}`;
  return fetch(`${service.publicUrl}/v1/image-projects/${id}`, { headers: { authorization } });
}

const readiness = async (service: ServiceProcess) => (await fetch(`${service.opsUrl}/readyz`)).status;

describe('starting', () => {
  test('without settings names all that are missing, at once, and exits with 78', async () => {
    const { code, stderr, lines } = await runServiceProcess({});
    expect(code).toBe(78);
    const variables = ['MAGIC_HOUR_API_KEY', 'AUTH_ISSUER', 'AUTH_AUDIENCE'];
    for (const name of variables) expect(stderr).toContain(name);
    expect(stderr).not.toContain(' at ');
    expect(lines.map(parseLogLine)).toEqual([
      expect.objectContaining({
        level: 'fatal',
        event: 'configuration_invalid',
        msg: `the configuration is invalid: ${variables.join(', ')}`,
        variables,
        faults: variables.map((name) => expect.stringContaining(`${name}: is required`)),
      }),
    ]);
  });

  test('with wrong settings names each, and prints no secret', async () => {
    const { code, stderr, lines } = await runServiceProcess({
      MAGIC_HOUR_API_KEY: 'mhk_secret with space',
      REDIS_URL: 'http://user:hunter2@redis',
      PORT: 'eighty',
      AUTH_ISSUER: 'https://issuer.example',
    });
    expect(code).toBe(78);
    for (const name of ['MAGIC_HOUR_API_KEY', 'REDIS_URL', 'PORT', 'AUTH_AUDIENCE'])
      expect(stderr).toContain(name);
    for (const secret of ['mhk_secret', 'hunter2']) expect([...lines, stderr].join()).not.toContain(secret);
  });

  test('on a port that is taken says so and exits', async () => {
    const { code, stderr, lines, port } = await runOnTakenPort();
    expect(code).toBe(70);
    expect(stderr).toBe(`could not listen at 127.0.0.1:${port}: EADDRINUSE\n`);
    expect(lines.map(parseLogLine)).toEqual([
      // Nothing of what was logged before is lost.
      expect.objectContaining({ event: 'redis_not_configured' }),
      expect.objectContaining({ event: 'access_open_to_all_users' }),
      expect.objectContaining({
        event: 'could_not_listen',
        listener: 'public',
        address: `127.0.0.1:${port}`,
        code: 'EADDRINUSE',
      }),
    ]);
  });

  test('warns that there is no Redis, and writes JSON lines without the key', async () => {
    const service = await start();
    expect((await lookup(service, 'complete-1')).status).toBe(200);
    expect(service.lines.some((line) => line.includes('no Redis is configured'))).toBe(true);
    for (const line of service.lines) expect(() => JSON.parse(line)).not.toThrow();
    expect(service.lines.join('')).not.toContain(EMULATOR_API_KEY);
  });
});

describe('stopping', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s lets requests in flight finish, the last ones on their connections, and exits with 0',
    async (signal) => {
      const service = await start();
      const id = `slow-1500-${signal}`;
      const answer = lookup(service, id);
      await emulator.whenRequested(id);
      service.kill(signal);
      const response = await answer;
      expect(response.status).toBe(200);
      expect(response.headers.get('connection')).toBe('close');
      expect(await response.json()).toMatchObject({ id });
      expect((await service.exited).code).toBe(0);
    },
  );

  test('is unready at once and still serves during its delay, asking callers to go', async () => {
    const service = await start({ SHUTDOWN_DELAY_SECONDS: '2' });
    expect(await readiness(service)).toBe(200);
    service.kill('SIGTERM');
    await eventually(async () => (await readiness(service)) === 503);
    const response = await lookup(service, 'complete-1');
    expect(response.status).toBe(200);
    expect(response.headers.get('connection')).toBe('close');
    expect((await service.exited).code).toBe(0);
  });

  test('takes no new connection while it drains, and gives an idle one a last answer', async () => {
    const service = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const ask = async () => {
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
      get(`${service.publicUrl}/openapi.json`, { agent }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      }).on('error', reject);
      return promise;
    };
    expect(await ask()).toBe(200);
    const answer = lookup(service, 'slow-1500-a');
    await emulator.whenRequested('slow-1500-a');
    service.kill('SIGTERM');
    await eventually(async () => (await readiness(service)) === 503);
    expect(await ask()).toBe(200);
    await eventually(() =>
      lookup(service, 'complete-1').then(
        () => false,
        () => true,
      ),
    );
    expect((await answer).status).toBe(200);
    expect((await service.exited).code).toBe(0);
  });

  test('ends within its grace whatever hangs, still with 0, and says so to those who wait', async () => {
    const service = await start({ SHUTDOWN_GRACE_SECONDS: '2', UPSTREAM_TIMEOUT_MS: '10000' });
    const answer = lookup(service, 'hang-1');
    await emulator.whenRequested('hang-1');
    service.kill('SIGTERM');
    const response = await answer;
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code: 'draining' });
    expect((await service.exited).code).toBe(0);
  });

  test('is cut short by a second signal', async () => {
    const service = await start({ SHUTDOWN_GRACE_SECONDS: '600', UPSTREAM_TIMEOUT_MS: '10000' });
    const answer = lookup(service, 'hang-2').catch(() => 'cut off');
    await emulator.whenRequested('hang-2');
    service.kill('SIGTERM');
    await eventually(async () => (await readiness(service)) === 503);
    service.kill('SIGTERM');
    expect((await service.exited).code).toBe(143);
    expect(await answer).toBe('cut off');
  });
});
