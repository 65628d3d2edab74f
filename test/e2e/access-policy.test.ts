import { describe, expect, test } from 'vitest';
import { KINDS } from '../../src/lookup/project.ts';
import { openEvents } from '../support/event-reader.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type RegistryClient, registryClient } from '../support/registry-client.ts';
import { type ExactAnswer, sendExactly } from '../support/send-exactly.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

const OWNER = { ACCESS_POLICY: 'owner' };
const TENANT = { ACCESS_POLICY: 'tenant', AUTH_TENANT_CLAIM: 'org' };
const SOON = { CACHE_PENDING_TTL_MS: '50', WATCH_INTERVAL_MIN_MS: '50' };

interface World {
  readonly stack: Stack;
  readonly registry: RegistryClient;
  /** `undefined` leaves a claim out. */
  headers(claims: Readonly<Record<string, unknown>>): Promise<{ authorization: string }>;
  status(path: string, claims: Readonly<Record<string, unknown>>): Promise<number>;
}

async function startWorld(
  env: Record<string, string>,
  options: Parameters<typeof startStack>[0] = {},
): Promise<World> {
  const stack = await startStack({ ...options, env });
  const headers = async (claims: Readonly<Record<string, unknown>>) => ({
    authorization: `Bearer ${await stack.issuer.token(claims)}`,
  });
  return {
    stack,
    registry: await registryClient(stack),
    headers,
    async status(path, claims) {
      return (await stack.client.request(path, { headers: await headers(claims) })).status;
    },
  };
}

describe('where ACCESS_POLICY is owner', () => {
  test.each(KINDS)(
    'the owner alone sees a project of kind %s, wherever its answer comes from',
    async (kind) => {
      const { stack, registry, status } = await startWorld(OWNER);
      await registry.put({ kind, id: 'complete-1' }, { owner: 'alice', tenant: 'acme' });
      const path = `/v1/${kind}-projects/complete-1`;
      const statuses: number[] = [];
      for (const sub of ['bob', 'alice', 'bob', 'alice', 'bob', 'Alice', 'alice '])
        statuses.push(await status(path, { sub, org: 'acme' }));
      expect(statuses).toEqual([404, 200, 404, 200, 404, 404, 404]);
      expect(stack.emulator.count('complete-1')).toBe(1);
    },
  );

  test('what nobody was named for is nobody’s, and Magic Hour is not asked', async () => {
    const { stack, status } = await startWorld(OWNER);
    for (const path of ['complete-1', 'complete-1?min_valid=60', 'complete-1/events'])
      expect(await status(`/v1/image-projects/${path}`, { sub: 'alice' })).toBe(404);
    expect(stack.emulator.count('complete-1')).toBe(0);
  });

  test('a backend that may say whose projects are sees none of them for that', async () => {
    const { registry, status } = await startWorld(OWNER);
    await registry.put({ id: 'complete-1' }, { owner: 'alice' });
    const claims = { sub: 'a-backend', scope: 'image-projects:assign' };
    expect(await status('/v1/image-projects/complete-1', claims)).toBe(404);
  });

  test('a project of the owner that Magic Hour doesn’t know is not there, for them as for others', async () => {
    const { stack, registry, status } = await startWorld(OWNER);
    await registry.put({ id: 'not-there' }, { owner: 'alice' });
    expect(await status('/v1/image-projects/not-there', { sub: 'alice' })).toBe(404);
    expect(stack.emulator.count('not-there')).toBe(1);
  });

  test('nothing is said at start, and nothing of all users', async () => {
    const { stack } = await startWorld(OWNER);
    expect(stack.logs().join('')).not.toContain('access_open_to_all_users');
  });
});

describe('where ACCESS_POLICY is tenant', () => {
  test('all of the tenant see a project, and nobody else', async () => {
    const { registry, status } = await startWorld(TENANT);
    await registry.put({ id: 'complete-1' }, { owner: 'alice', tenant: 'acme' });
    await registry.put({ id: 'complete-2' }, { owner: 'alice' });
    const seen = async (id: string, claims: Record<string, unknown>) =>
      (await status(`/v1/image-projects/${id}`, claims)) === 200;
    expect(await seen('complete-1', { sub: 'alice', org: 'acme' })).toBe(true);
    expect(await seen('complete-1', { sub: 'bob', org: 'acme' })).toBe(true);
    expect(await seen('complete-1', { sub: 'bob', org: 'other' })).toBe(false);
    // The owner, too, is asked for the tenant: who left the company is out.
    expect(await seen('complete-1', { sub: 'alice', org: 'other' })).toBe(false);
    for (const org of [undefined, '', null, ['acme'], { acme: true }, 1])
      expect(await seen('complete-1', { sub: 'alice', org })).toBe(false);
    // No tenant is not the same tenant as none.
    for (const org of [undefined, '', 'acme'])
      expect(await seen('complete-2', { sub: 'alice', org })).toBe(false);
  });
});

test('where ACCESS_POLICY is authenticated, there is a warning at start', async () => {
  const { stack, status } = await startWorld({});
  const lines = stack.logs().filter((line) => line.includes('access_open_to_all_users'));
  expect(lines).toEqual([expect.stringContaining('"level":"warn"')]);
  expect(await status('/v1/image-projects/complete-1', { sub: 'anybody' })).toBe(200);
});

describe('a foreign project and an unknown one', () => {
  /** All that a caller gets, less what differs between any two answers of one route. */
  function told({ status, headers, body }: ExactAnswer) {
    const requestId = headers.get('x-request-id') ?? '';
    const values = [...headers]
      .filter(([name]) => name !== 'date')
      .map(([name, value]) => [name, value.replace(requestId, 'ID').replace(/[rt]=\d+/g, 'N')]);
    return { status, headers: values, body: body.replace(requestId, 'ID') };
  }

  async function keyspaceLookups(redis: RedisServer): Promise<number[]> {
    const stats = String(await redis.command('INFO', 'stats'));
    return ['hits', 'misses'].map((what) => Number(new RegExp(`keyspace_${what}:(\\d+)`).exec(stats)?.[1]));
  }

  test.each(['GET', 'HEAD'])('have the same bytes and headers, and cost the same, by %s', async (method) => {
    const redis = await startRedisServer();
    try {
      const env = { ...OWNER, REDIS_URL: redis.url };
      const { stack, registry, headers, status } = await startWorld(env);
      await eventually(async () => (await stack.metric('redis_up')) === 1);
      await registry.put({ id: 'complete-1' }, { owner: 'alice', tenant: 'acme' });
      // The foreign one is in memory and in Redis.
      expect(await status('/v1/image-projects/complete-1', { sub: 'alice' })).toBe(200);
      const { authorization } = await headers({ sub: 'bob' });
      const asked = stack.emulator.requests.length;
      const rest = [
        ['', []],
        ['?min_valid=86400', []],
        ['/events', []],
        ['', ['Prefer', 'wait=1']],
        ['', ['If-None-Match', '*']],
        ['/events', ['Last-Event-ID', 'x']],
      ] as const;
      /**
       * An answer, how often Redis ran each command for it (a probe and a heartbeat are none of these), and how often it found a
       * key that it looked for, or didn't: what is there takes longer than what is not.
       */
      const spent = async (ask: () => Promise<ExactAnswer>) => {
        const names = ['exists', 'getrange', 'get', 'evalsha', 'eval', 'set'];
        const count = async () => [
          ...(await Promise.all(names.map((name) => redis.commandCount(name)))),
          ...(await keyspaceLookups(redis)),
        ];
        const before = await count();
        const answer = await ask();
        return { answer, commands: (await count()).map((after, n) => after - (before[n] ?? 0)) };
      };
      // Redis is sent the script that counts once, and has no set of what the caller asked for in vain before the first.
      await status('/v1/image-projects/unknown-0', { sub: 'bob' });
      for (const [suffix, extra] of rest) {
        const ask = (id: string) =>
          sendExactly(
            stack.service.publicUrl,
            `/v1/image-projects/${id}${suffix}`,
            ['Authorization', authorization, ...extra],
            { method },
          );
        const foreign = await spent(() => ask('complete-1'));
        const unknown = await spent(() => ask('unknown-1'));
        expect(foreign.answer.status).toBe(404);
        expect(told(foreign.answer)).toEqual(told(unknown.answer));
        expect(foreign.commands).toEqual(unknown.commands);
      }
      expect(stack.emulator.requests.length).toBe(asked);
    } finally {
      await redis.stop();
    }
  });
});

describe('a project that is taken from its owner', () => {
  test('is gone for them at once, at every replica, and the next owner sees it', async () => {
    const redis = await startRedisServer();
    try {
      const env = { ...OWNER, REDIS_URL: redis.url };
      const a = await startWorld(env);
      const b = await startStack({ env, beside: a.stack });
      for (const stack of [a.stack, b]) await eventually(async () => (await stack.metric('redis_up')) === 1);
      await a.registry.put({ id: 'complete-1' }, { owner: 'alice' });
      expect((await a.stack.lookup('complete-1')).status).toBe(200);
      expect((await b.lookup('complete-1')).status).toBe(200);
      await a.registry.release({ id: 'complete-1' });
      expect((await a.stack.lookup('complete-1')).status).toBe(404);
      expect((await b.lookup('complete-1')).status).toBe(404);
      await a.registry.put({ id: 'complete-1' }, { owner: 'bob' });
      expect((await b.lookup('complete-1', { user: 'bob' })).status).toBe(200);
      expect((await b.lookup('complete-1')).status).toBe(404);
    } finally {
      await redis.stop();
    }
  });

  test('while its lookup is under way is not told any more', async () => {
    const { stack, registry, headers } = await startWorld({ ...OWNER, ...SOON });
    await registry.put({ id: 'slow-300-1' }, { owner: 'alice' });
    const bearer = await headers({ sub: 'alice' });
    const path = '/v1/image-projects/slow-300-1';
    const asked = [path, `${path}/events`].map((each) => stack.client.request(each, { headers: bearer }));
    await stack.emulator.whenRequested('slow-300-1');
    await registry.release({ id: 'slow-300-1' });
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([404, 404]);
  });

  test('ends its stream without another state', async () => {
    const { stack, registry, headers } = await startWorld(
      { ...OWNER, ...SOON },
      { emulator: { queuedMs: 600_000 } },
    );
    await registry.put({ id: 'queued-1' }, { owner: 'alice' });
    const url = `${stack.service.publicUrl}/v1/image-projects/queued-1/events`;
    const stream = await openEvents(url, await headers({ sub: 'alice' }));
    expect(JSON.parse((await stream.event(0)).data)).toMatchObject({ status: 'queued' });
    await registry.release({ id: 'queued-1' });
    stack.emulator.project('queued-1', { status: 'rendering' });
    await stream.ended;
    expect(stream.events).toHaveLength(1);
  });

  test('is told to nobody who waits for it', async () => {
    const { stack, registry, headers } = await startWorld(
      { ...OWNER, ...SOON },
      { emulator: { queuedMs: 600_000 } },
    );
    await registry.put({ id: 'queued-1' }, { owner: 'alice' });
    const waiting = stack.client.request('/v1/image-projects/queued-1', {
      headers: { ...(await headers({ sub: 'alice' })), prefer: 'wait=30' },
    });
    await eventually(() => stack.emulator.count('queued-1') > 1);
    await registry.release({ id: 'queued-1' });
    stack.emulator.project('queued-1', { status: 'complete' });
    expect((await waiting).status).toBe(404);
  });
});
