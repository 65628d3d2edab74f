import { onTestFinished } from 'vitest';
import type { ContractResponse } from './contract-client.ts';
import type { RedisServer } from './redis-server.ts';
import { startServiceProcess } from './service-process.ts';
import { eventually, type Stack, startStack } from './stack.ts';

/** Settings under which nothing but what a test does gets in the way of a flight. */
export const FLEET_ENV = {
  // A busy machine must not look like a Redis that is away.
  REDIS_COMMAND_TIMEOUT_MS: '10000',
  RATE_LIMIT_MAX: '10000000',
  RATE_LIMIT_IP_MAX: '10000000',
  UPSTREAM_RETRIES: '0',
};

type Env = Readonly<Record<string, string>>;
type Beside = Pick<Stack, 'emulator' | 'issuer'>;

/** A replica in this process that has its Redis in use. */
export async function startReplica(env: Env, beside: Beside): Promise<Stack> {
  const stack = await startStack({ env: { ...FLEET_ENV, ...env }, beside });
  await eventually(async () => (await stack.metric('redis_up')) === 1);
  return stack;
}

export interface ReplicaProcess {
  /** Looks an image project up. */
  lookup(id: string): Promise<Response>;
  readonly publicUrl: string;
  kill(signal: NodeJS.Signals): void;
}

/** A replica as a process of its own, which ends with the test. */
export async function startReplicaProcess(env: Env, { emulator, issuer }: Beside): Promise<ReplicaProcess> {
  const service = await startServiceProcess({
    ...FLEET_ENV,
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
  const authorization = `Bearer ${await issuer.token({ sub: 'alice' })}`;
  const lookup = (id: string) =>
    fetch(`${service.publicUrl}/v1/image-projects/${id}`, { headers: { authorization } });
  const redisIsUp = async () =>
    (await (await fetch(`${service.opsUrl}/metrics`)).text()).includes('\nredis_up 1\n');
  await eventually(redisIsUp);
  return { lookup, publicUrl: service.publicUrl, kill: service.kill };
}

export const keyOf = (id: string) => `mhbff:v1:{image:${id}}`;

/** What stands in Redis under a key of the project; `null` for nothing. */
export async function textOf(redis: RedisServer, id: string, suffix: '' | ':flight' = ''): Promise<unknown> {
  return redis.command('GET', `${keyOf(id)}${suffix}`);
}

/** Resolves when another replica waits for the project's flight. */
export function whenFollowed(redis: RedisServer, id: string): Promise<void> {
  return eventually(async () => String(await textOf(redis, id, ':flight')).endsWith('+'));
}

/** Why the cache alone did not do, and what came of it; `hit` where it did. */
export function cacheStatus({ headers }: ContractResponse | Response): string {
  return /; (hit|.*)$/.exec((headers.get('cache-status') ?? '').replace(/; ttl=\d+/, ''))?.[1] ?? '';
}
