import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REDIS_FAULTS, type RedisFault } from './redis-fault-rows.ts';
import { lookUpAll, p99, type Workload, workload } from './redis-fault-workload.ts';
import type { RedisTopology } from './redis-topology.ts';
import { eventually, openStack, type Stack } from './stack.ts';

const COMMAND_TIMEOUT_MS = 250;
const LATENCY_ALLOWANCE_MS = 50;
const RECOVERY_MS = 2000;
/** How long the news of a purge may be on its way to another replica. */
const ANNOUNCED_MS = 250;
const LIMIT = 10;
const REPLICAS = 2;

const ENV = {
  REDIS_COMMAND_TIMEOUT_MS: `${COMMAND_TIMEOUT_MS}`,
  // So small that every request of a user is counted in Redis before it is let on: the most that a lookup can wait.
  RATE_LIMIT_MAX: `${LIMIT}`,
  RATE_LIMIT_EXPECTED_REPLICAS: `${REPLICAS}`,
  RATE_LIMIT_IP_MAX: '1000000',
};

/**
 * Has two replicas of the service go through faults of their Redis, one after the other: what the service promises for
 * while Redis is away, and for when it is back.
 */
export function describeRedisFaults(
  name: string,
  startTopology: () => Promise<RedisTopology>,
  faults: readonly RedisFault[] = REDIS_FAULTS,
): void {
  describe(`Redis (${name})`, () => {
    let topology: RedisTopology;
    let first: Stack;
    let second: Stack;

    beforeAll(async () => {
      topology = await startTopology();
      first = await openStack({ env: { ...topology.env, ...ENV } });
      second = await openStack({ env: { ...topology.env, ...ENV }, beside: first });
      await eventually(inUse);
    });
    afterAll(async () => {
      await second?.stop();
      await first?.stop();
      await topology?.stop();
    });

    /** Whether both replicas have Redis, and what one puts there the other finds. */
    async function inUse(): Promise<boolean> {
      const id = `complete-shared-${next()}`;
      const up = await Promise.all([first, second].map((replica) => replica.metric('redis_up')));
      if (up.includes(0)) return false;
      await first.lookup(id, { user: `user-${next()}` });
      const found = await second.lookup(id, { user: `user-${next()}` });
      return found.headers.get('cache-status')?.includes('detail=redis') ?? false;
    }

    describe.each(faults)('$name', (fault) => {
      let healthyP99Ms: number;
      let work: Workload;
      let errorsBefore: number;

      beforeAll(async () => {
        const healthy = await workload({ first, second });
        work = await workload({ first, second });
        healthyP99Ms = p99(await lookUpAll(first, healthy));
        errorsBefore = await errorsOf(first);
        await fault.begin(topology);
      });

      /** A replica finds out by the commands that it has to give. */
      async function findOut(replica: Stack): Promise<boolean> {
        await replica.lookup(`complete-told-${next()}`, { user: `user-${next()}` });
        return (await replica.metric('redis_up')) === 0;
      }

      test('fails no lookup and holds none up', async () => {
        const tookMs = await lookUpAll(first, work);
        expect(p99(tookMs)).toBeLessThan(healthyP99Ms + COMMAND_TIMEOUT_MS + LATENCY_ALLOWANCE_MS);
      });

      test('leaves limits in force', async () => {
        for (const replica of [first, second]) {
          if (fault.left === 'nothing') await eventually(() => findOut(replica));
          const statuses = await statusesOf(replica, `user-${next()}`, LIMIT + 2);
          const passed = fault.left === 'service' ? LIMIT : LIMIT / REPLICAS;
          expect(statuses).toEqual(statuses.map((_status, at) => (at < passed ? 200 : 429)));
        }
      });

      test('is told', async () => {
        const up = fault.left !== 'nothing';
        for (const replica of [first, second]) expect(await replica.metric('redis_up')).toBe(Number(up));
        const ready = await first.ops.request('/readyz');
        expect(ready.status).toBe(200);
        expect(ready.body.toString()).toContain(`"name":"redis","status":"${up ? 'ok' : 'degraded'}"`);
        const purged = await first.ops.request('/cache/image-projects/complete-0', { method: 'DELETE' });
        expect(purged.status).toBe(up ? 204 : 503);
        if (fault.left === 'service') expect(await errorsOf(first)).toBe(errorsBefore);
        else expect(await errorsOf(first)).toBeGreaterThan(errorsBefore);
      });

      test('is over in under 2 s', async () => {
        await fault.end(topology);
        await eventually(inUse, RECOVERY_MS);
        const user = `user-${next()}`;
        const statuses: number[] = [];
        for (let n = 0; n < LIMIT + 4; n += 1) {
          statuses.push(...(await statusesOf(n % 2 === 0 ? first : second, user, 1)));
        }
        expect(statuses).toEqual(statuses.map((_status, at) => (at < LIMIT ? 200 : 429)));
        await eventually(() => purgeReaches(second, first), RECOVERY_MS);
      });
    });

    test('is never named in the log, nor is its password', () => {
      const secrets = Object.values(topology.env).flatMap((value) =>
        URL.canParse(value) ? [value, new URL(value).password, new URL(value).host] : [value],
      );
      const logs = [first, second].flatMap((replica) => replica.logs()).join('\n');
      expect(logs).toContain('"msg":"request"');
      for (const secret of secrets.filter((each) => each !== '')) expect(logs).not.toContain(secret);
    });
  });
}

let counted = 0;
const next = () => {
  counted += 1;
  return counted;
};

async function statusesOf(replica: Stack, user: string, times: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let n = 0; n < times; n += 1) statuses.push((await replica.lookup('complete-hot-0', { user })).status);
  return statuses;
}

/** Commands that have failed so far, of all operations. */
async function errorsOf(replica: Stack): Promise<number> {
  const text = (await replica.ops.request('/metrics')).body.toString();
  const counts = text.matchAll(/^redis_errors_total\{[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function purgeReaches(from: Stack, to: Stack): Promise<boolean> {
  const id = `complete-purged-${next()}`;
  await to.lookup(id, { user: `user-${next()}` });
  const before = await to.metric('cache_memory_entries');
  await from.ops.request(`/cache/image-projects/${id}`, { method: 'DELETE' });
  const forgotten = eventually(async () => (await to.metric('cache_memory_entries')) < before, ANNOUNCED_MS);
  return forgotten.then(
    () => true,
    () => false,
  );
}
