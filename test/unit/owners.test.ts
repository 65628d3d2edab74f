import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLocalOwners } from '../../src/access/local-owners.ts';
import { decodeOwnership, encodeOwnership, type Owners, type Ownership } from '../../src/access/ownership.ts';
import { createRedisOwners } from '../../src/access/redis-owners.ts';
import { tenantKeyOf, userKeyOf } from '../../src/auth/principal.ts';
import { NOW_MS } from '../support/builders.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { openGuard } from '../support/open-guard.ts';
import { ageKeys } from '../support/real-redis-tier.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually } from '../support/stack.ts';

const clock = createManualClock(NOW_MS);
let server: RedisServer;
let client: Redis;
beforeAll(async () => {
  server = await startRedisServer();
  client = new Redis(server.url);
  await once(client, 'ready');
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

const newId = () => `p-${randomUUID()}`;

const ALICE: Ownership = { issuer: 'i', owner: 'alice', tenant: 'acme' };
const BOB: Ownership = { issuer: 'i', owner: 'bob', tenant: undefined };

const name = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });
const ownership = fc.record({ issuer: name, owner: name, tenant: fc.option(name, { nil: undefined }) });

interface Adapter {
  readonly open: (ttlMs: number) => Owners;
  readonly pass: (ms: number) => Promise<void>;
}
const ADAPTERS: Record<string, Adapter> = {
  'in this process': {
    open: (ttlMs) => createLocalOwners({ ttlMs, clock }),
    pass: async (ms) => void clock.advance(ms),
  },
  'in Redis': {
    open: (ttlMs) => createRedisOwners({ client, guard: openGuard, keyPrefix: 't:', ttlMs }),
    pass: (ms) => ageKeys(server, ms),
  },
};

describe.each(Object.entries(ADAPTERS))('owners %s', (_where, { open, pass }) => {
  test('are nobody until they are said, then who was said first', async () => {
    const owners = open(0);
    const id = newId();
    expect(await owners.find('image', id)).toBeUndefined();
    expect(await owners.assign('image', id, ALICE)).toBe('assigned');
    expect(await owners.assign('image', id, ALICE)).toBe('unchanged');
    expect(await owners.assign('image', id, BOB)).toBe('conflict');
    expect(await owners.find('image', id)).toEqual(ALICE);
  });

  test.each<[string, Ownership]>([
    ['tenant', { ...ALICE, tenant: 'other' }],
    ['lack of a tenant', { ...ALICE, tenant: undefined }],
    ['issuer', { ...ALICE, issuer: 'j' }],
  ])('conflict by their %s, too', async (_what, other) => {
    const owners = open(0);
    const id = newId();
    await owners.assign('image', id, ALICE);
    expect(await owners.assign('image', id, other)).toBe('conflict');
  });

  test('are of one kind of project each', async () => {
    const owners = open(0);
    const id = newId();
    await owners.assign('image', id, ALICE);
    expect(await owners.find('video', id)).toBeUndefined();
    expect(await owners.isOf('owner', userKeyOf('i', 'alice'), 'video', id)).toBe(false);
  });

  test('let go, and make room for others', async () => {
    const owners = open(0);
    const id = newId();
    await owners.assign('image', id, ALICE);
    expect(await owners.release('image', id)).toEqual(ALICE);
    expect(await owners.release('image', id)).toBeUndefined();
    expect(await owners.isOf('owner', userKeyOf('i', 'alice'), 'image', id)).toBe(false);
    expect(await owners.assign('image', id, BOB)).toBe('assigned');
  });

  test('are forgotten after their time, that begins anew when they are said again', async () => {
    const owners = open(1000);
    const id = newId();
    await owners.assign('image', id, ALICE);
    await pass(900);
    expect(await owners.assign('image', id, ALICE)).toBe('unchanged');
    await pass(900);
    expect(await owners.find('image', id)).toEqual(ALICE);
    expect(await owners.assign('image', id, BOB)).toBe('conflict');
    await pass(101);
    expect(await owners.find('image', id)).toBeUndefined();
    expect(await owners.isOf('owner', userKeyOf('i', 'alice'), 'image', id)).toBe(false);
  });

  test('stay for ever without a time', async () => {
    const owners = open(0);
    const id = newId();
    await owners.assign('image', id, ALICE);
    await pass(10 * 365 * 86_400_000);
    expect(await owners.find('image', id)).toEqual(ALICE);
  });

  test('are just those whom they name, whatever the names are', async () => {
    const owners = open(0);
    await fc.assert(
      fc.asyncProperty(ownership, ownership, async (whose, other) => {
        const id = newId();
        await owners.assign('audio', id, whose);
        const asked = [
          await owners.isOf('owner', userKeyOf(other.issuer, other.owner), 'audio', id),
          await owners.isOf(
            'tenant',
            other.tenant === undefined ? undefined : tenantKeyOf(other.issuer, other.tenant),
            'audio',
            id,
          ),
          await owners.isOf('owner', userKeyOf(whose.issuer, whose.owner), 'audio', id),
        ];
        expect(asked).toEqual([
          other.issuer === whose.issuer && other.owner === whose.owner,
          other.tenant !== undefined && other.issuer === whose.issuer && other.tenant === whose.tenant,
          true,
        ]);
      }),
      { numRuns: 60 },
    );
  });

  test('are never those who are nobody', async () => {
    const owners = open(0);
    const id = newId();
    await owners.assign('image', id, BOB);
    for (const relation of ['owner', 'tenant'] as const) {
      for (const key of [undefined, '', '.'.repeat(43)]) {
        const nobodys = await owners.isOf(relation, key, 'image', newId());
        expect([relation, key, nobodys]).toEqual([relation, key, false]);
      }
      expect(await owners.isOf(relation, undefined, 'image', id)).toBe(false);
    }
  });
});

describe('owners in Redis', () => {
  const owners = () => createRedisOwners({ client, guard: openGuard, keyPrefix: 't:', ttlMs: 0 });
  const isAlices = (id: string) => owners().isOf('owner', userKeyOf('i', 'alice'), 'image', id);

  test('leave nothing behind when they are let go', async () => {
    const id = newId();
    await owners().assign('image', id, ALICE);
    expect(await client.keys(`*${id}*`)).toHaveLength(3);
    await owners().release('image', id);
    expect(await client.keys(`*${id}*`)).toEqual([]);
  });

  test('are by the record: a grant that was left over lets nobody in', async () => {
    const id = newId();
    await owners().assign('image', id, ALICE);
    // As an eviction does, which takes keys one by one.
    await client.del(`t:v1:{image:${id}}:owner`);
    expect(await isAlices(id)).toBe(false);
    await owners().assign('image', id, BOB);
    expect(await isAlices(id)).toBe(false);
    expect(await owners().isOf('tenant', tenantKeyOf('i', 'acme'), 'image', id)).toBe(false);
    expect(await owners().isOf('owner', userKeyOf('i', 'bob'), 'image', id)).toBe(true);
  });

  test('are as before once they are said again, where a grant was lost', async () => {
    const id = newId();
    await owners().assign('image', id, ALICE);
    await client.del(`t:v1:{image:${id}}:owner:${userKeyOf('i', 'alice')}`);
    expect(await isAlices(id)).toBe(false);
    expect(await owners().assign('image', id, ALICE)).toBe('unchanged');
    expect(await isAlices(id)).toBe(true);
  });

  test('that are asked for are the last to be evicted', async () => {
    const id = newId();
    await owners().assign('image', id, ALICE);
    const keys = [`t:v1:{image:${id}}:owner`, `t:v1:{image:${id}}:owner:${userKeyOf('i', 'alice')}`];
    const lastUsed = () => Promise.all(keys.map((each) => client.object('IDLETIME', each)));
    await eventually(async () => (await lastUsed()).every((seconds) => Number(seconds) > 0), 5000);
    expect(await isAlices(id)).toBe(true);
    expect(await lastUsed()).toEqual([0, 0]);
  });

  test.each(['not ours', Buffer.from([0xff, 0xfe, 0x00])])(
    'let go of what somebody else wrote in their place: %j',
    async (content) => {
      const id = newId();
      await client.set(`t:v1:{image:${id}}:owner`, content);
      expect(await owners().release('image', id)).toBeUndefined();
      expect(await owners().assign('image', id, BOB)).toBe('assigned');
    },
  );

  test('that many let go and say at once are one owner’s in the end, or nobody’s', async () => {
    const id = newId();
    const all = owners();
    for (let round = 0; round < 50; round += 1) {
      await Promise.all([
        all.assign('image', id, ALICE),
        all.release('image', id),
        all.assign('image', id, BOB),
        all.release('image', id),
      ]);
      const owner = await all.find('image', id);
      for (const each of [ALICE, BOB]) {
        const theirs = await all.isOf('owner', userKeyOf('i', each.owner), 'image', id);
        expect(theirs).toBe(owner?.owner === each.owner);
      }
    }
  });
});

test('what is written of an owner is read as it was, and nothing else is', () => {
  fc.assert(
    fc.property(ownership, fc.string(), fc.nat(), (whose, noise, at) => {
      const encoded = encodeOwnership(whose);
      expect(decodeOwnership(encoded)).toEqual(whose);
      const place = at % (encoded.length + 1);
      const broken = encoded.slice(0, place) + noise + encoded.slice(place);
      expect(decodeOwnership(broken)).toEqual(broken === encoded ? whose : undefined);
      expect(decodeOwnership(encoded.slice(0, -1))).toBeUndefined();
    }),
  );
});
