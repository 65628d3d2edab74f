import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startLoad } from '../support/load.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

const CLIENTS = 200;

vi.setConfig({ testTimeout: 90_000 });

let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let tokens: string[];
beforeAll(async () => {
  [emulator, issuer] = await Promise.all([startMagicHourEmulator(), startTokenIssuer()]);
  tokens = await Promise.all(Array.from({ length: 10 }, (_, n) => issuer.token({ sub: `user-${n}` })));
});
afterAll(() => Promise.all([emulator.close(), issuer.close()]));

async function start(env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const service = await startServiceProcess({
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

/** What users do: mostly hits, some projects on their way, some new ones, some slow ones, some that are not there. */
function pathOf(n: number): string {
  if (n % 20 === 0) return `/v1/image-projects/slow-${50 + (n % 150)}-${n}`;
  if (n % 10 === 0) return `/v1/image-projects/missing-${n % 50}`;
  if (n % 5 === 0) return `/v1/image-projects/queued-${n % 7}`;
  if (n % 3 === 0) return `/v1/image-projects/complete-new-${n}`;
  return `/v1/image-projects/complete-${n % 30}`;
}

const loadOn = (service: ServiceProcess) =>
  startLoad({
    baseUrl: service.publicUrl,
    clients: CLIENTS,
    next: (n) => ({
      path: pathOf(n),
      headers: { authorization: `Bearer ${tokens[n % tokens.length]}` },
    }),
  });

describe('SIGTERM under 200 clients', () => {
  test.each([
    ['with no delay', '0'],
    ['with a delay for load balancers', '1'],
  ])('%s loses no request, and gives no 5xx but draining', async (_what, delaySeconds) => {
    const service = await start({ SHUTDOWN_DELAY_SECONDS: delaySeconds });
    const load = loadOn(service);
    await load.whenMoreEnded(3000);
    service.kill('SIGTERM');
    expect((await service.exited).code).toBe(0);
    await load.allRefused;
    const { verdicts, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(verdicts).toMatchObject({ failed: 0, lost: 0, refused: CLIENTS });
    expect(verdicts.answered).toBeGreaterThan(3000);
    expect(service.lines.some((line) => line.includes('"finished":true'))).toBe(true);
  });

  test('while the upstream hangs lets go of nobody without an answer', async () => {
    const service = await start({ UPSTREAM_TIMEOUT_MS: '500', UPSTREAM_DEADLINE_MS: '1000' });
    const load = startLoad({
      baseUrl: service.publicUrl,
      clients: 50,
      next: (n) => ({
        path: `/v1/image-projects/hang-${n}`,
        headers: { authorization: `Bearer ${tokens[n % tokens.length]}` },
      }),
    });
    await emulator.whenRequested('hang-1');
    service.kill('SIGTERM');
    expect((await service.exited).code).toBe(0);
    await load.allRefused;
    const { verdicts } = await load.stop();
    expect(verdicts.lost).toBe(0);
    expect(verdicts.failed).toBeGreaterThanOrEqual(50);
  });
});
