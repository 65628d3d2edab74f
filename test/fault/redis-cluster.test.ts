import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createRedisClient } from '../../src/cache/redis-client.ts';
import { loadConfig } from '../../src/config.ts';
import { isClusterOk, type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { slotMove } from '../support/redis-cluster-slots.ts';
import { REDIS_FAULTS, type RedisFault } from '../support/redis-fault-rows.ts';
import { describeRedisFaults } from '../support/redis-faults.ts';
import { openRedisReplicas, type RedisReplicas } from '../support/redis-replicas.ts';
import type { RedisServer } from '../support/redis-server.ts';
import type { RedisTopology } from '../support/redis-topology.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

/** ioredis' own account of each attempt to connect. */
const CONNECT_CHANNEL = 'tracing:ioredis:connect:start';
const NEEDED = { MAGIC_HOUR_API_KEY: 'k', AUTH_ISSUER: 'https://issuer.example', AUTH_AUDIENCE: 'a' };
const SETTLED_MS = 15_000;
/** After its first failure; see `reconnectDelayMs`. */
const RESUBSCRIBE_MS = 200;

const allOk = ({ servers }: RedisTopology) =>
  eventually(async () => (await Promise.all(servers.map(isClusterOk))).every(Boolean), SETTLED_MS);

const firstNode = ({ servers: [server] }: RedisTopology) => {
  if (server === undefined) throw new Error('the cluster has no node');
  return server;
};

/** What can happen to one node that has no replica, so that nobody takes its place. */
const ONE_NODE_FAULTS: readonly RedisFault[] = [
  {
    name: 'with one node killed and started again',
    left: 'nothing',
    begin: (cluster) => firstNode(cluster).kill(),
    end: (cluster) => firstNode(cluster).restart(),
  },
  {
    name: 'with one node paused',
    left: 'nothing',
    begin: (cluster) => firstNode(cluster).pause(),
    end: (cluster) => firstNode(cluster).resume(),
  },
];

describeRedisFaults(
  'a cluster of three masters',
  () => startRedisCluster({ masters: 3 }),
  [...REDIS_FAULTS, ...ONE_NODE_FAULTS].map((fault) => ({
    ...fault,
    async end(cluster) {
      await fault.end(cluster);
      // Nodes that were away serve again when they have found each other.
      await allOk(cluster);
    },
  })),
);

const isUp = async (stack: Stack) => (await stack.metric('redis_up')) === 1;

/** Two replicas of the service that have the cluster in use. */
async function startReplicas({ env }: RedisCluster): Promise<RedisReplicas> {
  const replicas = await openRedisReplicas(env);
  onTestFinished(replicas.stop);
  await eventually(replicas.inUse);
  return replicas;
}

async function isFoundInRedis(stack: Stack, id: string): Promise<boolean> {
  const found = await stack.lookup(id);
  return found.headers.get('cache-status')?.includes('detail=redis') ?? false;
}

async function subscribers(nodes: readonly RedisServer[]): Promise<number> {
  const lists = await Promise.all(nodes.map((node) => node.command('CLIENT', 'LIST', 'TYPE', 'pubsub')));
  return lists.reduce<number>((sum, list) => sum + String(list).split('\n').filter(Boolean).length, 0);
}

const keyOf = (id: string) => `mhbff:v1:{image:${id}}`;

describe('a slot of a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  test.each([
    ['with the project in it', 'complete-there', true],
    ['without it', 'complete-absent', false],
  ])('moves %s: no lookup fails, and all of Redis stays in use', async (_what, id, isThere) => {
    const stack = await startStack({ env: { ...cluster.env, CACHE_MEMORY_MAX_BYTES: '0' } });
    await eventually(() => isUp(stack));
    const { from, to, begin, end } = await slotMove(cluster, keyOf(id));
    const isOn = async (node: RedisServer) => (await node.keys(keyOf(id))).length === 1;
    if (isThere) {
      await stack.lookup(id);
      await eventually(() => isOn(from));
    }
    await begin();
    for (let n = 0; n < 3; n += 1) expect((await stack.lookup(id)).status).toBe(200);
    await end();
    expect(await isOn(to)).toBe(isThere);
    await eventually(() => isFoundInRedis(stack, id));
    expect(stack.logs().filter((line) => line.includes('Redis went away'))).toEqual([]);
  });
});

describe('the client of a cluster', () => {
  test('has no command wait for longer than the timeout where the cluster is down', async () => {
    const cluster = await startRedisCluster({ nodeTimeoutMs: 500 });
    onTestFinished(cluster.stop);
    const { redis } = loadConfig({ ...NEEDED, ...cluster.env, REDIS_COMMAND_TIMEOUT_MS: '250' });
    const client = createRedisClient(redis);
    if (client === undefined) throw new Error('no Redis is configured');
    onTestFinished(() => client.disconnect());
    client.on('error', () => undefined);
    await once(client, 'ready');
    const [gone, ...rest] = cluster.servers;
    await gone?.kill();
    await eventually(async () => !(await Promise.all(rest.map(isClusterOk))).includes(true));
    const keys = Array.from({ length: 30 }, (_, n) => `key-${n}`);
    const beganMs = performance.now();
    const results = await Promise.allSettled(keys.map((key) => client.get(key)));
    // Sooner than that even where this machine pauses; retries would take two seconds.
    expect(performance.now() - beganMs).toBeLessThan(1000);
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['rejected']));
  });
});

describe('messages in a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster({ replicasEach: 1 });
  });
  afterAll(() => cluster.stop());

  test('reach a replica of the service whose own node hangs', async () => {
    const { purgeReaches } = await startReplicas(cluster);
    const [hanging, rest] = [
      cluster.shards.flatMap(({ replicas }) => replicas),
      cluster.shards.map(({ master }) => master),
    ];
    // Each that is turned away takes any node, until all have come to those that will hang.
    await eventually(async () => {
      await Promise.all(rest.map((node) => node.command('CLIENT', 'KILL', 'TYPE', 'pubsub')));
      await delay(RESUBSCRIBE_MS);
      return (await subscribers(hanging)) === 2;
    }, SETTLED_MS);
    for (const node of hanging) node.pause();
    onTestFinished(() => {
      for (const node of hanging) node.resume();
    });
    await eventually(purgeReaches, SETTLED_MS);
    await eventually(async () => (await subscribers(rest)) === 2, SETTLED_MS);
  });

  test('cost next to nothing while no node is there', async () => {
    const { first, inUse } = await startReplicas(cluster);
    await Promise.all(cluster.servers.map((node) => node.kill()));
    let attempts = 0;
    const count = () => {
      attempts += 1;
    };
    subscribe(CONNECT_CHANNEL, count);
    await delay(1000);
    unsubscribe(CONNECT_CHANNEL, count);
    expect((await first.lookup('complete-1')).status).toBe(200);
    expect(attempts).toBeLessThan(500);
    await Promise.all(cluster.servers.map((node) => node.restart()));
    await allOk(cluster);
    await eventually(inUse);
  });
});
