import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createCertificateAuthority } from '../support/certificates.ts';
import { startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { startTlsRedis } from '../support/redis-tls.ts';
import { eventually, openStack, type Stack } from '../support/stack.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';
import { startTlsFront } from './tls-front.ts';

export interface WatchedService {
  /** Two replicas that share a Redis; both speak TLS to it and to Magic Hour, and have the key from a file. */
  readonly replicas: readonly [Stack, Stack];
  readonly prometheus: Prometheus;
  stop(): Promise<void>;
}

export const LIMIT_PER_USER = 200;

/** A running service in front of a real Prometheus that scrapes it twice a second and evaluates its rules as often. */
export async function startWatchedService(ruleFiles: readonly string[]): Promise<WatchedService> {
  const authorities = getCACertificates('default');
  const authority = await createCertificateAuthority();
  setDefaultCACertificates([...authorities, authority.certificatePem]);
  const certificate = await authority.issue({ validDays: 60 });
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-watched-'));
  const keyFile = join(folder, 'key');
  const [redis, emulator, issuer] = await Promise.all([
    startTlsRedis(certificate, 'unguessed'),
    startMagicHourEmulator(),
    startTokenIssuer(),
  ]);
  await writeFile(keyFile, emulator.apiKey);
  const front = await startTlsFront(emulator.port, certificate);
  const env = {
    ...redis.env,
    // A busy machine must not look like a Redis that is away.
    REDIS_COMMAND_TIMEOUT_MS: '5000',
    MAGIC_HOUR_API_KEY: '',
    MAGIC_HOUR_API_KEY_FILE: keyFile,
    MAGIC_HOUR_BASE_URL: `https://localhost:${front.port}`,
    UPSTREAM_TIMEOUT_MS: '300',
    UPSTREAM_DEADLINE_MS: '1000',
    RATE_LIMIT_MAX: `${LIMIT_PER_USER}`,
    RATE_LIMIT_IP_MAX: '10000000',
    RATE_LIMIT_WINDOW_SECONDS: '10',
  };
  const replicas = [
    await openStack({ env, beside: { emulator, issuer } }),
    await openStack({ env, beside: { emulator, issuer } }),
  ] as const;
  for (const { metric } of replicas) await eventually(async () => (await metric('redis_up')) === 1);
  const prometheus = await startPrometheus({
    targets: replicas.map(({ service }) => new URL(service.opsUrl).host),
    ruleFiles,
    scrapeIntervalMs: 500,
  });

  return {
    replicas,
    prometheus,
    async stop() {
      await prometheus.stop();
      await Promise.all(replicas.map((replica) => replica.stop()));
      await Promise.all([front.close(), redis.stop(), emulator.close(), issuer.close()]);
      await Promise.all([authority.remove(), rm(folder, { recursive: true })]);
      setDefaultCACertificates(authorities);
    },
  };
}
