import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import {
  type Certificate,
  type CertificateAuthority,
  createCertificateAuthority,
} from '../support/certificates.ts';
import { describeRedisFaults } from '../support/redis-faults.ts';
import { startTlsRedis, type TlsRedis } from '../support/redis-tls.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

const RECOVERY_MS = 2000;
/** Easy to find where it must not be. */
const PASSWORD = 'recognisable-redis-password';

const CONNECT_CHANNEL = 'tracing:ioredis:connect:start';

let trusted: CertificateAuthority;
let unknown: CertificateAuthority;
const systemAuthorities = getCACertificates('default');
beforeAll(async () => {
  [trusted, unknown] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
  setDefaultCACertificates([...systemAuthorities, trusted.certificatePem]);
});
afterAll(async () => {
  setDefaultCACertificates(systemAuthorities);
  await Promise.all([trusted.remove(), unknown.remove()]);
});

describeRedisFaults('over TLS', async () => startTlsRedis(await trusted.issue(), PASSWORD));

async function startRedis(certificate: Certificate): Promise<TlsRedis> {
  const redis = await startTlsRedis(certificate, PASSWORD);
  onTestFinished(() => redis.stop());
  return redis;
}

const isUp = async (stack: Stack) => (await stack.metric('redis_up')) === 1;

const attemptSchema = z.object({ serverPort: z.number(), connectionEpoch: z.number() });

/** Resolves when a client in this process has tried to connect for the third time, by ioredis' own account. */
async function severalAttempts(port: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listener = (message: unknown) => {
    const { serverPort, connectionEpoch } = attemptSchema.parse(message);
    if (serverPort === port && connectionEpoch >= 3) resolve();
  };
  subscribe(CONNECT_CHANNEL, listener);
  await promise;
  unsubscribe(CONNECT_CHANNEL, listener);
}

/** Why there is no connection, by the log so far. */
function reasonsOf(lines: readonly string[]): string[] {
  const line = z.object({ msg: z.literal('Redis can’t be reached'), reason: z.string() });
  return lines.flatMap((each) => line.safeParse(JSON.parse(each)).data?.reason ?? []);
}

describe('a Redis with a certificate', () => {
  test.each([
    ['of an authority unknown here', () => unknown.issue(), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['of another host', () => trusted.issue({ names: 'DNS:redis.example' }), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['that has expired', () => trusted.issue({ validDays: -1 }), 'CERT_HAS_EXPIRED'],
  ])(
    '%s is not used, lookups go on, one line says why, and a good one mends it',
    async (_what, issue, reason) => {
      const redis = await startRedis(await issue());
      const stack = await startStack({ env: redis.env });
      await severalAttempts(Number(new URL(redis.url).port));
      expect((await stack.lookup('complete-1')).status).toBe(200);
      expect(await isUp(stack)).toBe(false);
      expect(reasonsOf(stack.logs())).toEqual([reason]);
      await redis.changeCertificate(await trusted.issue());
      await eventually(() => isUp(stack));
      expect(stack.logs().join('\n').includes(PASSWORD)).toBe(false);
    },
  );
});

describe('a port without TLS', () => {
  test('is not spoken to in plain text where the address says rediss', async () => {
    const redis = await startRedis(await trusted.issue());
    const url = `rediss://:${PASSWORD}@localhost:${redis.server.port}`;
    const stack = await startStack({ env: { REDIS_URL: url } });
    await severalAttempts(redis.server.port);
    expect((await stack.lookup('complete-1')).status).toBe(200);
    expect(await isUp(stack)).toBe(false);
    // It waits for a hello that Redis takes for the beginning of a command.
    expect(reasonsOf(stack.logs())).toEqual(['ETIMEDOUT']);
  });
});

describe('a certificate that is changed in time', () => {
  test('is told by its end', async () => {
    const redis = await startRedis(await trusted.issue({ validDays: 3 }));
    const stack = await startStack({ env: redis.env });
    const daysLeft = async () => {
      const endsSeconds = await stack.metric('tls_certificate_expiry_timestamp_seconds{peer="redis"}');
      return Math.round(endsSeconds / 86_400 - Date.now() / 86_400_000);
    };
    await eventually(async () => (await daysLeft()) === 3);
    await redis.changeCertificate(await trusted.issue({ validDays: 30 }));
    await eventually(async () => (await daysLeft()) === 30);
  });

  test('costs no lookup, and Redis is in use again at once', async () => {
    const redis = await startRedis(await trusted.issue());
    const stack = await startStack({ env: redis.env });
    await eventually(() => isUp(stack));
    await redis.changeCertificate(await trusted.issue());
    expect((await stack.lookup('complete-1')).status).toBe(200);
    await eventually(() => isUp(stack), RECOVERY_MS);
    expect((await stack.lookup('complete-2')).status).toBe(200);
    await eventually(async () => (await redis.server.keys('mhbff:v1:{image:complete-2}')).length === 1);
  });
});

describe('the service as a process', () => {
  test.each([
    [
      'trusts the authorities of NODE_EXTRA_CA_CERTS',
      () => ({ NODE_EXTRA_CA_CERTS: trusted.certificateFile }),
      [],
    ],
    ['trusts no authority of its own accord', () => ({}), ['UNABLE_TO_VERIFY_LEAF_SIGNATURE']],
  ])('%s', async (_what, env, reasons) => {
    const redis = await startRedis(await trusted.issue());
    const service = await startServiceProcess({
      MAGIC_HOUR_API_KEY: 'mhk_unused',
      AUTH_ISSUER: 'https://issuer.invalid',
      AUTH_AUDIENCE: 'unused',
      ...redis.env,
      ...env(),
    });
    onTestFinished(async () => {
      service.kill('SIGKILL');
      await service.exited;
    });
    const answers = `redis_up ${reasons.length === 0 ? 1 : 0}\n`;
    await eventually(() => reasonsOf(service.lines).length === reasons.length);
    await eventually(async () => (await (await fetch(`${service.opsUrl}/metrics`)).text()).includes(answers));
    expect(reasonsOf(service.lines)).toEqual(reasons);
  });
});
