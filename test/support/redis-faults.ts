import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REDIS_FAULTS, type RedisFault } from './redis-fault-rows.ts';
import { lookUpAll, p99, type Workload, workload } from './redis-fault-workload.ts';
import {
  COMMAND_TIMEOUT_MS,
  LIMIT,
  newName,
  passing,
  REPLICAS,
  type RedisReplicas,
  redisErrorsOf,
  secretsOf,
  startRedisReplicas,
} from './redis-replicas.ts';
import type { RedisTopology } from './redis-topology.ts';
import { eventually, type Stack } from './stack.ts';

const LATENCY_ALLOWANCE_MS = 50;
const RECOVERY_MS = 2000;
const ROUNDS = 3;
const ROUNDS_TIMEOUT_MS = 60_000;

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
    let replicas: RedisReplicas;

    beforeAll(async () => {
      topology = await startTopology();
      replicas = await startRedisReplicas(topology.env);
    });
    afterAll(async () => {
      await replicas?.stop();
      await topology?.stop();
    });

    describe.each(faults)('$name', (fault) => {
      let healthyP99Ms: number;
      let work: Workload;
      let errorsBefore: number;

      beforeAll(async () => {
        const healthy = await workload(replicas);
        work = await workload(replicas);
        healthyP99Ms = p99(await lookUpAll(replicas.first, healthy));
        errorsBefore = await redisErrorsOf(replicas.first);
        await fault.begin(topology);
      });

      test(
        'fails no lookup and holds none up',
        async () => {
          const allowedMs = healthyP99Ms + COMMAND_TIMEOUT_MS + LATENCY_ALLOWANCE_MS;
          let tookMs = p99(await lookUpAll(replicas.first, work));
          // What the service does wrong it does each time; a machine that has too much to do is slow at times.
          for (let round = 1; round < ROUNDS && tookMs >= allowedMs; round += 1)
            tookMs = p99(await lookUpAll(replicas.first, await workload(replicas)));
          expect(tookMs).toBeLessThan(allowedMs);
        },
        ROUNDS_TIMEOUT_MS,
      );

      test('leaves limits in force at each replica', async () => {
        const passed = fault.left === 'service' ? LIMIT : LIMIT / REPLICAS;
        for (const replica of [replicas.first, replicas.second]) {
          if (fault.left === 'nothing') await eventually(() => findsOut(replica));
          const statuses = await replicas.statusesOf(newName('user'), LIMIT + 2, [replica]);
          expect(statuses).toEqual(passing(passed, LIMIT + 2));
        }
      });

      test('is told', async () => {
        const up = fault.left !== 'nothing';
        for (const replica of [replicas.first, replicas.second]) {
          expect(await replica.metric('redis_up')).toBe(Number(up));
          const ready = await replica.ops.request('/readyz');
          expect(ready.status).toBe(200);
          expect(ready.body.toString()).toContain(`"name":"redis","status":"${up ? 'ok' : 'degraded'}"`);
          const purged = await replica.ops.request('/cache/image-projects/any', { method: 'DELETE' });
          expect(purged.status).toBe(up ? 204 : 503);
        }
        const errors = await redisErrorsOf(replicas.first);
        if (fault.left !== 'service') expect(errors).toBeGreaterThan(errorsBefore);
      });

      test('is over in under 2 s', async () => {
        await fault.end(topology);
        await eventually(replicas.inUse, RECOVERY_MS);
        expect(await replicas.statusesOf(newName('user'), LIMIT + 4)).toEqual(passing(LIMIT, LIMIT + 4));
        await eventually(replicas.purgeReaches, RECOVERY_MS);
      });
    });

    test('is never named in the log, nor is its password', () => {
      const logs = [replicas.first, replicas.second].flatMap((replica) => replica.logs()).join('\n');
      expect(logs).toContain('"msg":"request"');
      for (const secret of secretsOf(topology.env)) expect(logs).not.toContain(secret);
    });
  });
}

/** A replica finds out by the commands that it has to give. */
async function findsOut(replica: Stack): Promise<boolean> {
  await replica.lookup(newName('complete'), { user: newName('user') });
  return (await replica.metric('redis_up')) === 0;
}
