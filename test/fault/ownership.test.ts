import { expect, test } from 'vitest';
import { openEvents } from '../support/event-reader.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { registryClient } from '../support/registry-client.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const POLICIES = ['owner', 'tenant'] as const;
const redisIs = (stack: Stack, up: 0 | 1) => eventually(async () => (await stack.metric('redis_up')) === up);
const LOST: Record<string, (redis: RedisServer) => Promise<void> | void> = {
  'is killed': (redis) => redis.kill(),
  'answers nothing any more': (redis) => redis.pause(),
  // RESP's error for a key of another type is a reply like any other.
  'holds something else in the owner’s place': (redis) => spoil(redis),
};

async function spoil(redis: RedisServer): Promise<void> {
  for (const key of await redis.keys('*:owner')) {
    await redis.command('DEL', key);
    await redis.command('LPUSH', key, 'x');
  }
}

const cases = POLICIES.flatMap((policy) => Object.keys(LOST).map((how) => [policy, how] as const));

test.each(cases)(
  'where ACCESS_POLICY is %s and Redis %s, the answer is 503 from the first request on, though memory holds the project',
  async (policy, how) => {
    const redis = await startRedisServer();
    const env = { REDIS_URL: redis.url, ACCESS_POLICY: policy, AUTH_TENANT_CLAIM: 'org' };
    const stack = await startStack({ env });
    try {
      await redisIs(stack, 1);
      const registry = await registryClient(stack);
      await registry.put({ id: 'complete-1' }, { owner: 'alice', tenant: 'acme' });
      const authorization = `Bearer ${await stack.issuer.token({ sub: 'alice', org: 'acme' })}`;
      const ask = (path: string) => stack.client.request(path, { headers: { authorization } });
      expect((await ask('/v1/image-projects/complete-1')).status).toBe(200);

      await LOST[how]?.(redis);
      for (const path of ['complete-1', 'complete-1/events', 'complete-1?min_valid=60', 'complete-1']) {
        const refused = await ask(`/v1/image-projects/${path}`);
        expect([path, refused.status, refused.headers.get('retry-after')]).toEqual([path, 503, '1']);
        expect(refused.json()).toMatchObject({ code: 'ownership_unavailable' });
      }
      expect(stack.emulator.count('complete-1')).toBe(1);
      if (how.startsWith('holds')) return;
      for (const answer of [
        await registry.put({ id: 'p2' }, { owner: 'alice' }),
        await registry.get({ id: 'complete-1' }),
        await registry.release({ id: 'complete-1' }),
        await registry.putMany([{ id: 'p2', owner: 'alice' }]),
      ])
        expect([answer.status, answer.json()]).toEqual([
          503,
          expect.objectContaining({ code: 'ownership_unavailable' }),
        ]);
    } finally {
      redis.resume();
      await redis.stop();
    }
  },
);

test('a change whose reply is lost is written to the log as one that may have happened', async () => {
  const redis = await startRedisServer();
  const proxy = await startTcpProxy(redis.port);
  const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, ACCESS_POLICY: 'owner', LOG_LEVEL: 'error' };
  const stack = await startStack({ env });
  const lines = () =>
    stack
      .logs()
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'owner_change_uncertain');
  try {
    await redisIs(stack, 1);
    const registry = await registryClient(stack);
    await registry.put({ id: 'p1' }, { owner: 'alice', tenant: 'acme' });
    proxy.delayReplies(3000);
    const refused = await registry.put({ id: 'p2' }, { owner: 'alice', tenant: 'acme' });
    expect(refused.status).toBe(503);
    // It happened all the same.
    await eventually(async () => (await redis.keys('*p2}:owner')).length === 1);
    const told = { kind: 'image', by: expect.stringMatching(/^[\w-]{16}$/), request_id: expect.any(String) };
    const hash = expect.stringMatching(/^[\w-]{16}$/);
    expect(lines()).toMatchObject([
      { ...told, change: 'assigned', project: 'p2', owner: hash, tenant: hash, level: 'warn' },
    ]);
    expect((await registry.release({ id: 'p1' })).status).toBe(503);
    expect((await registry.putMany([{ id: 'p3', owner: 'bob' }])).status).toBe(503);
    expect(lines().slice(1)).toMatchObject([
      { ...told, change: 'released', project: 'p1' },
      { ...told, change: 'assigned', project: 'p3', owner: hash },
    ]);
    expect(JSON.stringify(lines())).not.toMatch(/alice|acme|bob/);
  } finally {
    await proxy.close();
    await redis.stop();
  }
});

test('a Redis that comes back without its data lets nobody in, until owners are said again', async () => {
  const redis = await startRedisServer();
  const stack = await startStack({ env: { REDIS_URL: redis.url, ACCESS_POLICY: 'owner' } });
  try {
    await redisIs(stack, 1);
    const registry = await registryClient(stack);
    await registry.put({ id: 'complete-1' }, { owner: 'alice' });
    expect((await stack.lookup('complete-1')).status).toBe(200);
    await redis.restart();
    await eventually(async () => (await stack.lookup('complete-1')).status === 404);
    await registry.put({ id: 'complete-1' }, { owner: 'alice' });
    expect((await stack.lookup('complete-1')).status).toBe(200);
  } finally {
    await redis.stop();
  }
});

test('owners outlive a Redis that keeps an append-only file', async () => {
  const redis = await startRedisServer({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const stack = await startStack({ env: { REDIS_URL: redis.url, ACCESS_POLICY: 'owner' } });
  try {
    await redisIs(stack, 1);
    await (await registryClient(stack)).put({ id: 'complete-1' }, { owner: 'alice' });
    await redis.kill();
    await redis.restart();
    await eventually(async () => (await stack.lookup('complete-1')).status === 200);
  } finally {
    await redis.stop();
  }
});

test('a full Redis takes no owner, and says so', async () => {
  const redis = await startRedisServer();
  const stack = await startStack({ env: { REDIS_URL: redis.url, ACCESS_POLICY: 'owner' } });
  try {
    await redisIs(stack, 1);
    const registry = await registryClient(stack);
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    const refused = await registry.put({ id: 'complete-1' }, { owner: 'alice' });
    expect([refused.status, refused.json()]).toEqual([
      503,
      expect.objectContaining({ code: 'ownership_unavailable' }),
    ]);
    expect(await stack.metric('redis_errors_total{operation="owner_write"}')).toBe(1);
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    expect((await registry.put({ id: 'complete-1' }, { owner: 'alice' })).status).toBe(201);
  } finally {
    await redis.stop();
  }
});

test('while Redis is away a stream tells no further state', async () => {
  const redis = await startRedisServer();
  const env = {
    REDIS_URL: redis.url,
    ACCESS_POLICY: 'owner',
    CACHE_PENDING_TTL_MS: '50',
    WATCH_INTERVAL_MIN_MS: '50',
  };
  const stack = await startStack({ env, emulator: { queuedMs: 600_000 } });
  try {
    await redisIs(stack, 1);
    await (await registryClient(stack)).put({ id: 'queued-1' }, { owner: 'alice' });
    const authorization = `Bearer ${await stack.issuer.token({ sub: 'alice' })}`;
    const url = `${stack.service.publicUrl}/v1/image-projects/queued-1/events`;
    const stream = await openEvents(url, { authorization });
    await stream.event(0);
    await redis.kill();
    stack.emulator.project('queued-1', { status: 'rendering' });
    await stream.ended;
    expect(stream.events).toHaveLength(1);
  } finally {
    await redis.stop();
  }
});

test('of many who say it at several replicas at once, the first is the owner, and all others hear of it', async () => {
  const redis = await startRedisServer();
  const a = await startStack({ env: { REDIS_URL: redis.url } });
  const b = await startStack({ env: { REDIS_URL: redis.url }, beside: a });
  try {
    await Promise.all([redisIs(a, 1), redisIs(b, 1)]);
    const registries = await Promise.all([registryClient(a), registryClient(b)]);
    for (let round = 0; round < 20; round += 1) {
      const project = { id: `p${round}` };
      const said = await Promise.all(
        Array.from({ length: 12 }, async (_, n) => {
          const owner = `user-${n % 6}`;
          const { status } = (await registries[n % 2]?.put(project, { owner })) ?? {};
          return { owner, status };
        }),
      );
      const [first, ...more] = said.filter(({ status }) => status === 201);
      expect(more).toEqual([]);
      const known = await registries[0].get(project);
      expect(known.json()).toMatchObject({ owner: first?.owner });
      for (const { owner, status } of said) expect(status === 409).toBe(owner !== first?.owner);
    }
  } finally {
    await redis.stop();
  }
});
