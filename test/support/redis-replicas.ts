import { eventually, openStack, type Stack } from './stack.ts';

/** What a user may do in a minute. */
export const LIMIT = 10;
export const REPLICAS = 2;
export const COMMAND_TIMEOUT_MS = 250;

/** Before the first lookup much is compiled. */
const STARTED_MS = 20_000;
/** How long the news of a purge may be on its way to another replica. */
const ANNOUNCED_MS = 250;

const ENV = {
  REDIS_COMMAND_TIMEOUT_MS: `${COMMAND_TIMEOUT_MS}`,
  // So small that every request of a user is counted in Redis before it is let on: the most that a lookup can wait.
  RATE_LIMIT_MAX: `${LIMIT}`,
  RATE_LIMIT_EXPECTED_REPLICAS: `${REPLICAS}`,
  RATE_LIMIT_IP_MAX: '1000000',
};

/** Two replicas of the service over one Redis. */
export interface RedisReplicas {
  readonly first: Stack;
  readonly second: Stack;
  /** Whether both have Redis, and what one puts there the other finds. */
  inUse(): Promise<boolean>;
  /** Whether a purge at the second reaches the first's memory. */
  purgeReaches(): Promise<boolean>;
  /** Statuses of a user's lookups at these in turn. */
  statusesOf(user: string, times: number, at?: readonly Stack[]): Promise<number[]>;
  stop(): Promise<void>;
}

/** Replicas whose Redis need not be there. */
export async function openRedisReplicas(env: Readonly<Record<string, string>>): Promise<RedisReplicas> {
  const first = await openStack({ env: { ...env, ...ENV } });
  const second = await openStack({ env: { ...env, ...ENV }, beside: first });

  async function inUse(): Promise<boolean> {
    for (const replica of [first, second]) if ((await replica.metric('redis_up')) === 0) return false;
    const id = newName('complete');
    await first.lookup(id, { user: newName('user') });
    const found = await second.lookup(id, { user: newName('user') });
    return found.headers.get('cache-status')?.includes('detail=redis') ?? false;
  }

  async function purgeReaches(): Promise<boolean> {
    const id = newName('complete');
    await first.lookup(id, { user: newName('user') });
    const before = await first.metric('cache_memory_entries');
    await second.ops.request(`/cache/image-projects/${id}`, { method: 'DELETE' });
    const gone = eventually(async () => (await first.metric('cache_memory_entries')) < before, ANNOUNCED_MS);
    return gone.then(
      () => true,
      () => false,
    );
  }

  async function statusesOf(user: string, times: number, at: readonly Stack[] = [first, second]) {
    const statuses: number[] = [];
    for (let n = 0; n < times; n += 1) {
      const { status } = await (at[n % at.length] ?? first).lookup('complete-limited', { user });
      statuses.push(status);
    }
    return statuses;
  }

  async function stop(): Promise<void> {
    await second.stop();
    await first.stop();
  }

  return { first, second, inUse, purgeReaches, statusesOf, stop };
}

/** Replicas that have their Redis in use. */
export async function startRedisReplicas(env: Readonly<Record<string, string>>): Promise<RedisReplicas> {
  const replicas = await openRedisReplicas(env);
  await eventually(replicas.inUse, STARTED_MS);
  return replicas;
}

let names = 0;

/** A project that nobody has looked up, a user who has not looked anything up. */
export function newName(prefix: string): string {
  names += 1;
  return `${prefix}-${names}`;
}

/** What a user gets of whom `passed` requests are let through. */
export function passing(passed: number, times: number): number[] {
  return Array.from({ length: times }, (_, n) => (n < passed ? 200 : 429));
}

/** Commands that have failed so far, of all operations. */
export async function redisErrorsOf(replica: Stack): Promise<number> {
  const text = (await replica.ops.request('/metrics')).body.toString();
  const counts = text.matchAll(/^redis_errors_total\{[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** What of these settings must stand in no log: addresses and passwords. */
export function secretsOf(env: Readonly<Record<string, string>>): string[] {
  return Object.values(env).flatMap((value) => {
    if (!URL.canParse(value)) return [value];
    const { host, password } = new URL(value);
    return [value, host, password, decodeURIComponent(password)].filter((secret) => secret !== '');
  });
}
