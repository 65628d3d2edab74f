import { isClusterOk, isMaster, type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { describeFailovers } from '../support/redis-failover.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { eventually } from '../support/stack.ts';

const FAILOVER_MS = 15_000;

/** The first shard, as it was in the beginning. */
function shardOf({ shards }: RedisCluster): { readonly one: RedisServer; readonly other: RedisServer } {
  const [shard] = shards;
  const replica = shard?.replicas[0];
  if (shard === undefined || replica === undefined) throw new Error('the cluster has no replica');
  return { one: shard.master, other: replica };
}

async function becomesMaster(next: RedisServer): Promise<void> {
  await eventually(async () => (await isMaster(next)) && (await isClusterOk(next)), FAILOVER_MS);
}

describeFailovers(
  'a Redis Cluster of three masters',
  () => startRedisCluster({ masters: 3, replicasEach: 1, nodeTimeoutMs: 1000 }),
  [
    {
      name: 'a master is killed',
      leavesAGap: true,
      begin: (cluster) => shardOf(cluster).one.kill(),
      promoted: (cluster) => becomesMaster(shardOf(cluster).other),
      async end(cluster) {
        const { one } = shardOf(cluster);
        await one.restart();
        await eventually(async () => !(await isMaster(one)), FAILOVER_MS);
      },
    },
    {
      name: 'a master is paused',
      leavesAGap: true,
      begin: async (cluster) => shardOf(cluster).other.pause(),
      promoted: (cluster) => becomesMaster(shardOf(cluster).one),
      async end(cluster) {
        const { other } = shardOf(cluster);
        other.resume();
        await eventually(async () => !(await isMaster(other)), FAILOVER_MS);
      },
    },
    {
      name: 'a replica is told to take over',
      leavesAGap: false,
      begin: (cluster) => shardOf(cluster).other.command('CLUSTER', 'FAILOVER'),
      promoted: (cluster) => becomesMaster(shardOf(cluster).other),
      end: async () => undefined,
    },
  ],
);
