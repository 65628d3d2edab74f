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
