import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lookUpAll, p99, workload } from './redis-fault-workload.ts';
import {
  COMMAND_TIMEOUT_MS,
  LIMIT,
  newName,
  openRedisReplicas,
  passing,
  REPLICAS,
  type RedisReplicas,
} from './redis-replicas.ts';
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

const LATENCY_ALLOWANCE_MS = 50;
const RECOVERY_MS = 2000;
const START_MS = 20_000;
const FAILOVER_TEST_MS = 60_000;
/** So many projects that every node of a cluster has some. */
const PROJECTS = 10;
/** One in a hundred may take longer than the 99th percentile: more than wait when the master goes, one a lane. */
const LOOKUPS = 500;
const LANES = 3;

/** Has two replicas of the service look projects up while the master of their Redis changes. */
export function describeFailovers<T extends RedisTopology>(
  name: string,
  startTopology: () => Promise<T>,
  failovers: ReadonlyArray<Failover<T>>,
): void {
  describe(`failover of ${name}`, () => {
    let topology: T;
    let replicas: RedisReplicas;
    let withoutRedis: Stack;

    beforeAll(async () => {
      topology = await startTopology();
      replicas = await openRedisReplicas(topology.env);
      withoutRedis = await openStack({ env: { RATE_LIMIT_IP_MAX: '1000000' }, beside: replicas.first });
      await eventually(replicas.inUse, START_MS);
    });
    afterAll(async () => {
      await withoutRedis?.stop();
      await replicas?.stop();
      await topology?.stop();
    });

    test.each(failovers)(
      '$name: no lookup fails or is held up, limits hold, Redis is in use again',
      async ({ leavesAGap, begin, promoted, end }) => {
        const healthyP99Ms = p99(await lookUpAll(replicas.first, await workload(replicas)));
        const over = new AbortController();
        const traffic = lookUpUntil(over.signal, replicas.first, { lanes: LANES, atLeast: LOOKUPS });
        const beside = lookUpUntil(over.signal, withoutRedis, { lanes: 1, atLeast: 1 });
        try {
          await begin(topology);
          if (leavesAGap) await limitsHoldWithoutRedis(replicas);
          await promoted(topology);
          await eventually(replicas.inUse, RECOVERY_MS);
          over.abort();
          const { tookMs, statuses } = await traffic;
          expect(statuses).toEqual([200]);
          // What this machine is busy with meanwhile holds up those lookups too that have no Redis.
          const usualMs = Math.max(healthyP99Ms, p99((await beside).tookMs));
          expect(p99(tookMs)).toBeLessThan(usualMs + COMMAND_TIMEOUT_MS + LATENCY_ALLOWANCE_MS);
          await eventually(() => inUseEverywhere(replicas));
          expect(await replicas.statusesOf(newName('user'), LIMIT + 2)).toEqual(passing(LIMIT, LIMIT + 2));
          await eventually(replicas.purgeReaches, RECOVERY_MS);
        } finally {
          over.abort();
          await Promise.all([traffic, beside]);
          await end(topology);
        }
        await eventually(() => inUseEverywhere(replicas));
      },
      FAILOVER_TEST_MS,
    );
  });
}

/** Projects that nobody has looked up, by users that nobody has seen: the most that a lookup asks of Redis. */
async function lookUpUntil(
  over: AbortSignal,
  replica: Stack,
  { lanes, atLeast }: { readonly lanes: number; readonly atLeast: number },
) {
  const tookMs: number[] = [];
  const statuses = new Set<number>();
  async function lane(): Promise<void> {
    while (!over.aborted || tookMs.length < atLeast) {
      const beganMs = performance.now();
      const { status } = await replica.lookup(newName('complete'), { user: newName('user') });
      tookMs.push(performance.now() - beganMs);
      statuses.add(status);
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane));
  return { tookMs, statuses: [...statuses] };
}

async function limitsHoldWithoutRedis({ first, statusesOf }: RedisReplicas): Promise<void> {
  await eventually(async () => (await first.metric('redis_up')) === 0);
  const statuses = await statusesOf(newName('user'), LIMIT, [first]);
  expect(statuses).toEqual(passing(LIMIT / REPLICAS, LIMIT));
}

async function inUseEverywhere({ inUse }: RedisReplicas): Promise<boolean> {
  for (let n = 0; n < PROJECTS; n += 1) if (!(await inUse())) return false;
  return true;
}
