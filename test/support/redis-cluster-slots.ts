import { z } from 'zod';
import type { RedisCluster } from './redis-cluster.ts';
import type { RedisServer } from './redis-server.ts';

export interface SlotMove {
  readonly from: RedisServer;
  readonly to: RedisServer;
  /** Until `end()`, both nodes answer for the slot, each for what it has. */
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** Takes the slot of a key from its node to another in two halves, as redis-cli does. */
export async function slotMove({ shards }: RedisCluster, key: string): Promise<SlotMove> {
  const masters = shards.map(({ master }) => master);
  const slot = String(await masters[0]?.command('CLUSTER', 'KEYSLOT', key));
  const owners = await Promise.all(masters.map((node) => owns(node, Number(slot))));
  const from = masters[owners.indexOf(true)];
  const to = masters[owners.indexOf(false)];
  if (from === undefined || to === undefined) throw new Error('no node has the slot, or each');
  const idOf = async (node: RedisServer) => String(await node.command('CLUSTER', 'MYID'));
  const [fromId, toId] = [await idOf(from), await idOf(to)];
  return {
    from,
    to,
    async begin() {
      await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
      await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    },
    async end() {
      await from.command('MIGRATE', to.host, `${to.port}`, '', '0', '2000', 'KEYS', key);
      for (const node of [to, from, ...masters]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    },
  };
}

async function owns(node: RedisServer, slot: number): Promise<boolean> {
  const table = z.string().parse(await node.command('CLUSTER', 'NODES'));
  const own = table.split('\n').find((line) => line.includes('myself'));
  const ranges = [...(own ?? '').matchAll(/ (\d+)-(\d+)/g)];
  return ranges.some(([, first, last]) => Number(first) <= slot && slot <= Number(last));
}
