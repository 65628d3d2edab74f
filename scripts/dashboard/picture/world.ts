import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createCertificateAuthority } from '../../../test/support/certificates.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../../../test/support/magic-hour-emulator.ts';
import { type Prometheus, startPrometheus } from '../../../test/support/prometheus.ts';
import type { RedisServer } from '../../../test/support/redis-server.ts';
import { startTlsRedis } from '../../../test/support/redis-tls.ts';
import { type ServiceProcess, startServiceProcess } from '../../../test/support/service-process.ts';
import { startTokenIssuer, type TokenIssuer } from '../../../test/support/token-issuer.ts';

export interface World {
  readonly emulator: MagicHourEmulator;
  readonly issuer: TokenIssuer;
  readonly redis: RedisServer;
  readonly prometheus: Prometheus;
  readonly replicaUrls: readonly string[];
  /** Stops the last replica in order and starts it again at the same address, which it gives back. */
  restartLastReplica(): Promise<string>;
  stop(): Promise<void>;
}

export const JOB = 'magic-hour-bff';
export const NEXT_KEY = 'mhk_test_the_next_key';

const REPLICAS = 2;
const CERTIFICATE_DAYS = 60;

/** Two replicas as they run in production, with a Redis over TLS, an emulated Magic Hour, and a real Prometheus. */
export async function startWorld(ruleFiles: readonly string[]): Promise<World> {
  const emulator = await startMagicHourEmulator({ queuedMs: 4000, renderingMs: 12_000 });
  const issuer = await startTokenIssuer();
  const authority = await createCertificateAuthority();
  const redis = await startTlsRedis(await authority.issue({ validDays: CERTIFICATE_DAYS }), 'a-password');
  const folder = dirname(authority.certificateFile);
  const [keyFile, nextKeyFile] = [join(folder, 'key'), join(folder, 'next-key')];
  await writeFile(keyFile, emulator.apiKey);
  await writeFile(nextKeyFile, NEXT_KEY);

  const env = {
    ...redis.env,
    NODE_EXTRA_CA_CERTS: authority.certificateFile,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    MAGIC_HOUR_API_KEY_FILE: keyFile,
    MAGIC_HOUR_API_KEY_NEXT_FILE: nextKeyFile,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    // A busy machine is no Redis that is away.
    REDIS_COMMAND_TIMEOUT_MS: '1000',
    // Its clients stand for many at many addresses.
    TRUST_PROXY: '127.0.0.1/32',
    RATE_LIMIT_EXPECTED_REPLICAS: `${REPLICAS}`,
    CACHE_MEMORY_TTL_SECONDS: '5',
    UPSTREAM_MAX_CONCURRENCY: '4',
  };
  const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => startServiceProcess(env)));
  const prometheus = await startPrometheus({
    targets: replicas.map(({ opsUrl }) => new URL(opsUrl).host),
    ruleFiles,
    job: JOB,
  });

  async function end(replica: ServiceProcess): Promise<void> {
    replica.kill('SIGTERM');
    await replica.exited;
  }

  return {
    emulator,
    issuer,
    redis: redis.server,
    prometheus,
    replicaUrls: replicas.map(({ publicUrl }) => publicUrl),
    async restartLastReplica() {
      const last = replicas.pop();
      if (last === undefined) throw new Error('there is no replica');
      await end(last);
      const [PORT, OPS_PORT] = [new URL(last.publicUrl).port, new URL(last.opsUrl).port];
      replicas.push(await startServiceProcess({ ...env, PORT, OPS_PORT }));
      return last.publicUrl;
    },
    async stop() {
      await Promise.all(replicas.map(end));
      await Promise.all([prometheus.stop(), redis.stop(), emulator.close(), issuer.close()]);
      await authority.remove();
    },
  };
}
