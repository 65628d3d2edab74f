import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isClusterOk, isMaster, type RedisCluster, startRedisCluster } from './redis-cluster.ts';
import { eventually } from './stack.ts';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster({ replicasEach: 1, nodeTimeoutMs: 1000 });
});
afterAll(() => cluster.stop());

test('three masters share the keys, and each has a replica with its own', async () => {
  const client = new Cluster([...cluster.nodes]);
  for (let n = 0; n < 30; n += 1) await client.set(`key:${n}`, `${n}`);
  client.disconnect();
  const keys = await Promise.all(cluster.shards.map(({ master }) => master.keys()));
  expect(keys.every((held) => held.length > 0)).toBe(true);
  expect(keys.flat()).toHaveLength(30);
  for (const [at, { replicas }] of cluster.shards.entries()) {
    await eventually(async () => (await replicas[0]?.keys())?.length === keys[at]?.length);
  }
});

test('a replica takes over from a master that is killed', async () => {
  const [shard] = cluster.shards;
  const replica = shard?.replicas[0];
  if (shard === undefined || replica === undefined) throw new Error('the cluster has no replica');
  expect(await isMaster(replica)).toBe(false);
  await shard.master.kill();
  await eventually(async () => (await isMaster(replica)) && (await isClusterOk(replica)), 15_000);
  await shard.master.restart();
  await eventually(async () => !(await isMaster(shard.master)));
});
