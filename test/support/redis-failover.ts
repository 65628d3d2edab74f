import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lookUpAll, p99, workload } from './redis-fault-workload.ts';
import type { RedisTopology } from './redis-topology.ts';
import { eventually, openStack, type Stack } from './stack.ts';

/** How another server comes to be the master, and how the old one comes back. */
export interface Failover<T extends RedisTopology> {
  readonly name: string;
  /** Whether Redis is without a master for a while, so that the service has to go on without it. */
  readonly leavesAGap: boolean;
  begin(topology: T): Promise<unknown>;
  /** Resolves when the new master is there. */
  promoted(topology: T): Promise<unknown>;
  /** Resolves when every server is there again and knows its role. */
  end(topology: T): Promise<unknown>;
}

const COMMAND_TIMEOUT_MS = 250;
const LATENCY_ALLOWANCE_MS = 50;
const RECOVERY_MS = 2000;
const LIMIT = 10;
const REPLICAS = 2;

const ENV = {
  REDIS_COMMAND_TIMEOUT_MS: `${COMMAND_TIMEOUT_MS}`,
  RATE_LIMIT_MAX: `${LIMIT}`,
  RATE_LIMIT_EXPECTED_REPLICAS: `${REPLICAS}`,
  RATE_LIMIT_IP_MAX: '1000000',
};

/** Has two replicas of the service look projects up while the master of their Redis changes. */
export function describeFailovers<T extends RedisTopology>(
  name: string,
  startTopology: () => Promise<T>,
  failovers: ReadonlyArray<Failover<T>>,
): void {
  describe(`failover of ${name}`, () => {
    let topology: T;
    let first: Stack;
    let second: Stack;

    beforeAll(async () => {
      topology = await startTopology();
      first = await openStack({ env: { ...topology.env, ...ENV } });
      second = await openStack({ env: { ...topology.env, ...ENV }, beside: first });
      await eventually(async () => (await isUp(first)) && (await isUp(second)));
    });
    afterAll(async () => {
      await second?.stop();
      await first?.stop();
      await topology?.stop();
    });

    test.each(failovers)(
      '$name: no lookup fails or is held up, limits hold, Redis is used again',
      async (failover) => {
        const healthyP99Ms = p99(await lookUpAll(first, await workload({ first, second })));
        const over = new AbortController();
        const traffic = lookUpUntil(over.signal, first);
        try {
          await failover.begin(topology);
          const gap = failover.leavesAGap ? await limitsInTheGap(first) : undefined;
          expect(gap).toEqual(failover.leavesAGap ? [200, 200, 200, 200, 200, 429, 429] : undefined);
          await failover.promoted(topology);
          await eventually(async () => (await isUp(first)) && (await isUp(second)), RECOVERY_MS);
          await eventually(() => shares(first, second), RECOVERY_MS);
        } finally {
          over.abort();
        }
        const { tookMs, statuses } = await traffic;
        expect(statuses).toEqual([200]);
        expect(p99(tookMs)).toBeLessThan(healthyP99Ms + COMMAND_TIMEOUT_MS + LATENCY_ALLOWANCE_MS);
        expect(await statusesInTurn([first, second])).toEqual([...Array(LIMIT).fill(200), 429, 429]);
        await eventually(() => purgeReaches(first, second), RECOVERY_MS);
        await failover.end(topology);
        await eventually(() => shares(first, second), RECOVERY_MS);
      },
      60_000,
    );
  });
}

let counted = 0;
const next = (what: string) => {
  counted += 1;
  return `${what}-${counted}`;
};

const isUp = async (replica: Stack) => (await replica.metric('redis_up')) === 1;

/** Whether the second finds what the first has put in Redis, wherever in it: on each of some ten projects. */
async function shares(first: Stack, second: Stack): Promise<boolean> {
  const ids = Array.from({ length: 10 }, () => next('complete-shared'));
  for (const id of ids) await first.lookup(id, { user: next('user') });
  const found = await Promise.all(ids.map((id) => second.lookup(id, { user: next('user') })));
  return found.every((response) => response.headers.get('cache-status')?.includes('detail=redis'));
}

/** Projects that nobody has looked up, by users that nobody has seen: the most that a lookup asks of Redis. */
async function lookUpUntil(over: AbortSignal, replica: Stack) {
  const tookMs: number[] = [];
  const statuses = new Set<number>();
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      while (!over.aborted) {
        const beganMs = performance.now();
        const { status } = await replica.lookup(next('complete-traffic'), { user: next('user') });
        tookMs.push(performance.now() - beganMs);
        statuses.add(status);
      }
    }),
  );
  return { tookMs, statuses: [...statuses] };
}

async function limitsInTheGap(replica: Stack): Promise<number[]> {
  await eventually(async () => !(await isUp(replica)));
  const user = next('user');
  const statuses: number[] = [];
  for (let n = 0; n < LIMIT / REPLICAS + 2; n += 1)
    statuses.push((await replica.lookup('complete-limited', { user })).status);
  return statuses;
}

async function statusesInTurn(replicas: readonly Stack[]): Promise<number[]> {
  const user = next('user');
  const statuses: number[] = [];
  for (let n = 0; n < LIMIT + 2; n += 1)
    for (const replica of replicas.slice(n % 2, (n % 2) + 1))
      statuses.push((await replica.lookup('complete-limited', { user })).status);
  return statuses;
}

async function purgeReaches(from: Stack, to: Stack): Promise<boolean> {
  const id = next('complete-purged');
  await to.lookup(id, { user: next('user') });
  const before = await to.metric('cache_memory_entries');
  await from.ops.request(`/cache/image-projects/${id}`, { method: 'DELETE' });
  return (await to.metric('cache_memory_entries')) < before;
}
