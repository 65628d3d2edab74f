import { readFile } from 'node:fs/promises';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { projectBody } from '../support/builders.ts';
import { createDpopKey } from '../support/dpop-key.ts';
import { openEvents } from '../support/event-reader.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { registryClient } from '../support/registry-client.ts';
import { startSessionStack } from '../support/session-stack.ts';
import { eventually, startStack } from '../support/stack.ts';
import { sendWebhook, WEBHOOK_SECRET, webhookBody } from '../support/webhook-sender.ts';

let redis: RedisServer;
let url: string;
/** What docs/operations.md says that the service's user needs. */
beforeEach(async () => {
  redis = await startRedisServer();
  onTestFinished(() => redis.stop());
  const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, rules = ''] = /^redis-cli ACL SETUSER bff (on .+)$/m.exec(page) ?? [];
  const words = rules.replaceAll("'", '').split(' ');
  const password = words.find((word) => word.startsWith('>'))?.slice(1);
  await redis.command('ACL', 'SETUSER', 'bff', ...words);
  await redis.command('ACL', 'LOG', 'RESET');
  url = `redis://bff:${password}@${redis.host}:${redis.port}`;
});

/** What Redis refused to the user, by its own log; ioredis can do without what it asks for as it connects. */
async function refused(): Promise<string[]> {
  const entries = z.array(z.array(z.unknown())).parse(await redis.command('ACL', 'LOG', '100'));
  return entries
    .map((entry) => String(entry[entry.indexOf('object') + 1]))
    .filter((object) => !['select', 'client|id'].includes(object));
}

test('the rights that docs/operations.md names suffice for owners, lookups, limits, streams, webhooks and purges', async () => {
  const stack = await startStack({
    env: {
      REDIS_URL: url,
      ACCESS_POLICY: 'owner',
      AUTH_TENANT_CLAIM: 'org',
      OWNER_TTL_SECONDS: '600',
      // So near that each hit is counted in Redis.
      RATE_LIMIT_MAX: '20',
      RATE_LIMIT_TENANT_MAX: '20',
      RATE_LIMIT_UPSTREAM_MAX: '20',
      UPSTREAM_BUDGET_MAX: '40',
      CACHE_PENDING_TTL_MS: '50',
      WATCH_INTERVAL_MIN_MS: '50',
      WEBHOOK_SECRET,
    },
    emulator: { queuedMs: 200, renderingMs: 200 },
  });
  await eventually(async () => (await stack.metric('redis_up')) === 1);
  const registry = await registryClient(stack);
  const [first, second] = [{ id: 'demo-1' }, { id: 'complete-1' }];
  await registry.put(first, { owner: 'alice', tenant: 'acme' });
  await registry.putMany([{ id: second.id, owner: 'alice' }]);
  expect((await registry.get(first)).status).toBe(200);
  expect((await stack.lookup(second.id)).status).toBe(200);
  expect((await stack.lookup('unknown-1')).status).toBe(404);
  const authorization = `Bearer ${await stack.issuer.token({ sub: 'alice', org: 'acme' })}`;
  const stream = await openEvents(`${stack.service.publicUrl}/v1/image-projects/demo-1/events`, {
    authorization,
  });
  await stream.ended;
  expect(stream.events.length).toBeGreaterThan(1);
  const body = webhookBody('image.completed', projectBody({ id: second.id, status: 'complete' }).toString());
  const { statuses } = await sendWebhook(`${stack.service.publicUrl}/webhooks/magic-hour`, body);
  expect(statuses).toEqual([200]);
  const key = await createDpopKey();
  const bound = await stack.issuer.token({ sub: 'alice', cnf: { jkt: key.thumbprint } });
  const path = `/v1/image-projects/${second.id}`;
  const proof = await key.proof({ url: stack.service.publicUrl + path, method: 'GET', token: bound });
  const headers = { authorization: `DPoP ${bound}`, dpop: proof };
  expect((await stack.client.request(path, { headers })).status).toBe(200);
  expect((await stack.ops.request(`/cache/image-projects/${second.id}`, { method: 'DELETE' })).status).toBe(
    204,
  );
  expect((await registry.release(first)).status).toBe(204);
  expect(await refused()).toEqual([]);
});

test('the rights that docs/operations.md names suffice for sessions', async () => {
  const world = await startSessionStack({ env: { REDIS_URL: url }, provider: { accessTokenSeconds: 3 } });
  const { provider } = world;
  const [alice, bob] = [await world.login('alice'), await world.login('bob')];
  const tokens = provider.count('/token');
  await eventually(async () => {
    await world.ask(alice, '/auth/me');
    return provider.count('/token') > tokens;
  }, 15_000);
  expect((await world.ask(bob, '/auth/logout?everywhere=true', { method: 'POST' })).status).toBe(200);
  await alice.follow(`${provider.issuer}/session/end`);
  expect(await refused()).toEqual([]);
});
