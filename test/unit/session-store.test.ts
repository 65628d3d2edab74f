import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RedisGuard } from '../../src/cache/redis-guard.ts';
import { createRedisSessions } from '../../src/sessions/redis-sessions.ts';
import { createSealing } from '../../src/sessions/sealing.ts';
import type { Session } from '../../src/sessions/session.ts';
import { openGuard } from '../support/open-guard.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually } from '../support/stack.ts';

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

const key = () => randomBytes(32).toString('base64url');
const masterKeys = [key()];

/** @param before is told of each command, and may have it fail */
function storeWith(
  before: (n: number) => void | Promise<void> = () => undefined,
  keys: readonly string[] = masterKeys,
  issuer = 'i',
) {
  let commands = 0;
  const guard: RedisGuard = {
    ...openGuard,
    async run(operation, command) {
      commands += 1;
      await before(commands);
      return openGuard.run(operation, command);
    },
  };
  const sealing = createSealing(() => keys);
  return createRedisSessions({
    client,
    guard,
    keyPrefix: 't:',
    sealing,
    issuer,
    idleMs: 60_000,
    clock: { now: Date.now },
  });
}

const session = (over: Partial<Session> = {}): Session => ({
  identity: { issuer: 'i', subject: 'alice', tenant: undefined, scopes: ['a'] },
  sub: key(),
  sid: key(),
  accessToken: 'an access token',
  refreshToken: 'a refresh token',
  accessExpiresAtMs: Date.now() + 600_000,
  refreshAtMs: Date.now() + 540_000,
  endsAtMs: Date.now() + 86_400_000,
  ...over,
});

describe('sessions in Redis', () => {
  test('are read as they were written, by their secret alone', async () => {
    const store = storeWith();
    const [secret, kept] = [key(), session()];
    await store.create(secret, kept);
    expect(await store.read(secret)).toEqual(JSON.parse(JSON.stringify(kept)));
    expect(await store.read(key())).toBeUndefined();
  });

  test('are nobody’s by other keys, in another’s place, changed in any byte, or of another form', async () => {
    const store = storeWith();
    const [secret, other] = [key(), key()];
    await store.create(secret, session());
    await store.create(other, session());
    expect(await storeWith(undefined, [key()]).read(secret)).toBeUndefined();
    const { hash } = await import('node:crypto');
    const place = `t:v1:session:{${hash('sha256', secret, 'base64url')}}`;
    const sealed = (await client.get(place)) ?? '';
    await client.set(place, (await client.get(`t:v1:session:{${hash('sha256', other, 'base64url')}}`)) ?? '');
    expect(await store.read(secret)).toBeUndefined();
    for (let at = 0; at < sealed.length; at += 7) {
      const changed = sealed[at] === 'A' ? 'B' : 'A';
      await client.set(place, sealed.slice(0, at) + changed + sealed.slice(at + 1));
      expect([at, await store.read(secret)]).toEqual([at, undefined]);
    }
    await client.set(
      place,
      await createSealing(() => masterKeys).seal('{"of":"another version"}', 'session', secret),
    );
    expect(await store.read(secret)).toBeUndefined();
  });

  test('that have ended are not brought back by a refresh', async () => {
    const store = storeWith();
    const [secret, kept] = [key(), session()];
    await store.create(secret, kept);
    expect(await store.replace(secret, kept)).toBe(true);
    await store.end(secret, kept);
    expect(await store.replace(secret, kept)).toBe(false);
    expect(await store.exists(secret)).toBe(false);
  });

  test('of a user end together, as far as they can, and the rest when it is tried again', async () => {
    const kept = session();
    const secrets = [key(), key(), key()];
    for (const secret of secrets) await storeWith().create(secret, kept);
    const failing = storeWith((n) => {
      // Of all three one is not ended.
      if (n === 3) throw new Error('Redis is away');
    });
    await expect(failing.endAllOf(kept.sub)).rejects.toThrow();
    const there = await Promise.all(secrets.map((secret) => storeWith().exists(secret)));
    expect(there.filter(Boolean).length).toBe(1);
    expect(await storeWith().endAllOf(kept.sub)).toBe(1);
    for (const secret of secrets) expect(await storeWith().exists(secret)).toBe(false);
    expect(await storeWith().endAllOf(kept.sub)).toBe(0);
  });

  test('that begin while all of their user’s are ended do not outlive that', async () => {
    const [secret, kept] = [key(), session()];
    const other = storeWith();
    const store = storeWith(async (n) => {
      // Between its names and itself: both sets are written, the session is not.
      if (n === 3) expect(await other.endAllOf(kept.sub)).toBe(0);
    });
    await expect(store.create(secret, kept)).rejects.toThrow('ended as it began');
    expect(await other.exists(secret)).toBe(false);
  });

  test('that begin between the end of all and the end of their names do not outlive that, either', async () => {
    const [secret, kept] = [key(), session()];
    const other = storeWith();
    const begun = Promise.withResolvers<void>();
    const named = Promise.withResolvers<void>();
    const slow = storeWith(async (n) => {
      if (n !== 3) return;
      named.resolve();
      await begun.promise;
    });
    const creating = slow.create(secret, kept);
    await named.promise;
    // Its names are read and it is not there yet; it begins before they are taken out.
    const ending = storeWith(async (n) => {
      if (n !== 3) return;
      begun.resolve();
      await creating;
    });
    expect(await ending.endAllOf(kept.sub)).toBe(1);
    expect(await other.exists(secret)).toBe(false);
  });

  test('are no longer among their user’s once they would have ended', async () => {
    await client.flushall();
    const [sub, endsAtMs] = [key(), Date.now() + 20];
    const store = storeWith();
    await store.create(key(), session({ sub }));
    await store.create(key(), session({ sub, endsAtMs }));
    await eventually(() => Date.now() > endsAtMs + 20);
    await store.create(key(), session({ sub }));
    const [set = ''] = await client.keys('t:v1:session-user:*');
    expect(await client.zcard(set)).toBe(2);
  });

  test('are ended by the provider’s name for them, and by the user’s where it gave none', async () => {
    const store = storeWith();
    const named = session();
    const unnamed = session({ sub: named.sub, sid: undefined });
    const [first, second, third] = [key(), key(), key()];
    await store.create(first, named);
    await store.create(second, unnamed);
    await store.create(third, session({ sub: named.sub }));
    expect(await store.endNamed(named.sid ?? '', named.sub)).toBe(2);
    expect([await store.exists(first), await store.exists(second), await store.exists(third)]).toEqual([
      false,
      false,
      true,
    ]);
    await store.create(first, named);
    expect(await storeWith(undefined, masterKeys, 'another').endNamed(named.sid ?? '', named.sub)).toBe(0);
  });

  test('are ended by the provider’s names, whatever issuer their access tokens name', async () => {
    const store = storeWith();
    const identity = { ...session().identity, issuer: 'the issuer of access tokens' };
    const [one, two] = [session({ identity }), session({ identity, sid: undefined })];
    const [first, second] = [key(), key()];
    await store.create(first, one);
    await store.create(second, two);
    expect(await store.endNamed(one.sid ?? '', one.sub)).toBe(1);
    expect(await store.endAllOf(two.sub)).toBe(1);
  });

  test('are refreshed by one at a time; a lock that is lost is let be', async () => {
    const store = storeWith();
    const secret = key();
    const lock = await store.lockRefresh(secret);
    if (typeof lock === 'string') throw new Error(lock);
    expect(await store.lockRefresh(secret)).toBe('taken');
    await lock.coolDown();
    expect(await store.lockRefresh(secret)).toBe('cooling');
    await lock.release();
    expect(await store.lockRefresh(secret)).toBe('cooling');
    await client.flushall();
    const next = await store.lockRefresh(secret);
    expect(typeof next).toBe('object');
    await lock.release();
    await lock.coolDown();
    expect(await store.lockRefresh(secret)).toBe('taken');
  });

  test('live no longer than they are used, nor than their time', async () => {
    const store = storeWith();
    const secret = key();
    await store.create(secret, session({ endsAtMs: Date.now() + 30_000 }));
    const { hash } = await import('node:crypto');
    const place = `t:v1:session:{${hash('sha256', secret, 'base64url')}}`;
    expect(await client.pttl(place)).toBeLessThanOrEqual(30_000);
    const long = session();
    await store.replace(secret, long);
    expect(await client.pttl(place)).toBeGreaterThan(50_000);
    await client.pexpire(place, 1000);
    await store.touch(secret, long);
    expect(await client.pttl(place)).toBeGreaterThan(50_000);
  });
});
