import { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
import { startRedisCluster } from './redis-cluster.ts';

test('three masters share the keys', async () => {
  const cluster = await startRedisCluster();
  try {
    const client = new Cluster([...cluster.nodes]);
    for (let n = 0; n < 30; n += 1) await client.set(`key:${n}`, `${n}`);
    client.disconnect();
    const keys = await Promise.all(cluster.servers.map((server) => server.keys()));
    expect(keys.every((held) => held.length > 0)).toBe(true);
    expect(keys.flat()).toHaveLength(30);
  } finally {
    await cluster.stop();
  }
}, 30_000);
