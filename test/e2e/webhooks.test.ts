import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEvents } from '../support/event-reader.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, openStack, type Stack, startStack } from '../support/stack.ts';
import {
  signedHeaders,
  WEBHOOK_SECRET,
  type WebhookOptions,
  webhookBody,
} from '../support/webhook-sender.ts';

const PATH = '/webhooks/magic-hour';
let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

async function post(
  stack: Stack,
  body: string,
  options: WebhookOptions & { headers?: Record<string, string> } = {},
) {
  const headers = options.headers ?? signedHeaders(body, options);
  const answer = await stack.client.request(PATH, { method: 'POST', headers, body });
  const parsed: unknown = JSON.parse(answer.body.toString());
  return { status: answer.status, headers: answer.headers, body: parsed };
}
const redisUp = (stack: Stack) => eventually(async () => (await stack.metric('redis_up')) === 1);
const taken = (result: string) => ({ status: 200, body: { result } });

const completed = (stack: Stack, id: string) =>
  webhookBody('image.completed', stack.emulator.bodyOf('image', id));
/** As it was before it was complete. */
const started = (stack: Stack, id: string) =>
  webhookBody(
    'image.started',
    stack.emulator.bodyOf('image', id).replace('"status":"complete"', '"status":"rendering"'),
  );

describe.each([
  ['without Redis', () => ({})],
  ['with Redis', () => ({ REDIS_URL: redis.url })],
])('webhooks %s', (_where, redisEnv) => {
  let stack: Stack;
  let n = 0;
  /** A project that no other test knows. */
  const newId = () => {
    n += 1;
    return `complete-hook-${n}`;
  };
  beforeAll(async () => {
    stack = await openStack({
      env: { ...redisEnv(), WEBHOOK_SECRET, REDIS_KEY_PREFIX: `hooks-${Math.random()}:` },
    });
    if ('REDIS_URL' in redisEnv()) await redisUp(stack);
  });
  afterAll(() => stack.stop());

  test('fill the cache like a lookup: its bytes are served and the upstream is not asked', async () => {
    const id = newId();
    const payload = stack.emulator.bodyOf('image', id).replace('{', '{ "more" :\t[1.50, "\\u00e9"],');
    expect(await post(stack, webhookBody('image.completed', payload))).toMatchObject(taken('stored'));
    const answer = await stack.lookup(id);
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe(payload);
    expect(answer.headers.get('cache-status')).toMatch(/; hit; ttl=8\d{4}; detail=memory/);
    expect(stack.emulator.count(id)).toBe(0);
    expect(
      await stack.metric('webhook_deliveries_total{event="image.completed",result="stored"}'),
    ).toBeGreaterThan(0);
  });

  test('that come again change nothing, signed afresh or not', async () => {
    const id = newId();
    const body = completed(stack, id);
    const headers = signedHeaders(body);
    expect(await post(stack, body, { headers })).toMatchObject(taken('stored'));
    expect(await post(stack, body, { headers })).toMatchObject(taken('replayed'));
    const capitals = headers['magic-hour-event-signature']?.toUpperCase() ?? '';
    expect(
      await post(stack, body, { headers: { ...headers, 'magic-hour-event-signature': capitals } }),
    ).toMatchObject(taken('replayed'));
    expect(await post(stack, body, { nowMs: Date.now() - 60_000 })).toMatchObject(taken('outdated'));
    expect((await stack.lookup(id)).status).toBe(200);
    expect(stack.emulator.count(id)).toBe(0);
  });

  test('that are late never take a finished project back, whoever saw it finish', async () => {
    const [byWebhook, byLookup] = [newId(), newId()];
    expect(await post(stack, completed(stack, byWebhook))).toMatchObject(taken('stored'));
    expect(await post(stack, started(stack, byWebhook))).toMatchObject(taken('outdated'));
    await stack.lookup(byLookup);
    expect(await post(stack, started(stack, byLookup))).toMatchObject(taken('outdated'));
    for (const id of [byWebhook, byLookup]) {
      expect((await stack.lookup(id)).body.toString()).toContain('"status":"complete"');
    }
  });

  test('never bring a purged project back', async () => {
    const id = newId();
    await post(stack, started(stack, id));
    await stack.ops.request(`/cache/image-projects/${id}`, { method: 'DELETE' });
    expect(await post(stack, completed(stack, id))).toMatchObject(taken('purged'));
    await stack.lookup(id);
    expect(stack.emulator.count(id)).toBe(1);
  });

  test('end what a lookup that began before them would have kept', async () => {
    const id = newId();
    stack.emulator.respondNext(id, {
      body: stack.emulator.bodyOf('image', id).replace('"complete"', '"queued"'),
      delayMs: 300,
    });
    const lookup = stack.lookup(id);
    await stack.emulator.whenRequested(id);
    expect(await post(stack, completed(stack, id))).toMatchObject(taken('stored'));
    expect((await lookup).body.toString()).toContain('queued');
    expect((await stack.lookup(id)).body.toString()).toContain('"status":"complete"');
    expect(stack.emulator.count(id)).toBe(1);
  });

  test('wake whoever waits, without a request to the upstream', async () => {
    const id = newId();
    stack.emulator.project(id, { status: 'rendering' });
    const body = completed(stack, id).replace('"rendering"', '"complete"');
    const waiting = stack.lookup(id, { headers: { prefer: 'wait=20' } });
    await stack.emulator.whenRequested(id);
    expect(await post(stack, body)).toMatchObject(taken('stored'));
    expect((await waiting).body.toString()).toContain('"status":"complete"');
  });

  test('of events that are of no concern are taken and ignored', async () => {
    expect(await post(stack, '{"type":"test.event","payload":{"test":true}}')).toMatchObject(
      taken('ignored'),
    );
    expect(await stack.metric('webhook_deliveries_total{event="other",result="ignored"}')).toBeGreaterThan(0);
  });

  test.each([
    ['no JSON', () => '{'],
    ['a payload that is no project', () => webhookBody('image.completed', '{"id":"p"}')],
    ['an id that is none', () => webhookBody('image.started', '{"id":"a/b","status":"queued"}')],
    ["the company's key", (of: Stack) => completed(of, newId()).replace('Example', of.emulator.apiKey)],
  ])('with %s are refused, though they are signed', async (_what, body) => {
    expect(await post(stack, body(stack))).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  test('are refused alike, whatever is wrong with the signature', async () => {
    const body = completed(stack, newId());
    const good = signedHeaders(body);
    const { 'magic-hour-event-signature': signature = '', ...unsigned } = good;
    const wrong = [
      {},
      unsigned,
      { ...good, 'magic-hour-event-signature': signature.slice(1) },
      { ...good, 'magic-hour-event-signature': 'f'.repeat(64) },
      { ...good, 'magic-hour-event-timestamp': '1' },
      { ...good, 'magic-hour-event-timestamp': `${good['magic-hour-event-timestamp']}.0` },
      signedHeaders(body, { secret: 'another-secret' }),
      signedHeaders(body, { nowMs: Date.now() - 302_000 }),
      signedHeaders(body, { nowMs: Date.now() + 302_000 }),
      signedHeaders(`${body} `),
    ];
    for (const headers of wrong) {
      const answer = await post(stack, body, { headers });
      expect(answer).toMatchObject({
        status: 401,
        body: { message: 'Unauthorized', code: 'signature_invalid' },
      });
    }
    const told = stack.logs().filter((line) => line.includes('"webhook_refused"'));
    expect(told).toHaveLength(1);
    expect(stack.logs().join('')).not.toContain(WEBHOOK_SECRET);
  });

  test('are taken by POST alone', async () => {
    const answer = await stack.client.request(PATH);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

test('a delivery at one replica is what the other answers next, and wakes those who wait there, without the upstream', async () => {
  const env = { REDIS_URL: redis.url, REDIS_KEY_PREFIX: 'two:', WEBHOOK_SECRET };
  const a = await startStack({ env });
  const b = await startStack({ env, beside: a });
  await Promise.all([redisUp(a), redisUp(b)]);
  const id = 'complete-two';
  a.emulator.project(id, { status: 'rendering' });
  const waiting = b.lookup(id, { headers: { prefer: 'wait=20' } });
  await a.emulator.whenRequested(id);
  const authorization = `Bearer ${await b.issuer.token({ sub: 'bob' })}`;
  const stream = await openEvents(`${b.service.publicUrl}/v1/image-projects/${id}/events`, { authorization });
  expect((await stream.event(0)).data).toContain('"status":"rendering"');
  a.emulator.holdAll();
  const body = completed(a, id).replace('"rendering"', '"complete"');
  expect(await post(a, body)).toMatchObject(taken('stored'));
  expect((await waiting).body.toString()).toContain('"status":"complete"');
  expect((await stream.event(1)).data).toContain('"status":"complete"');
  await stream.ended;
  const next = await b.lookup(id);
  expect(next.body.toString()).toContain('"status":"complete"');
  expect(next.headers.get('cache-status')).toContain('hit');
  a.emulator.release();
});

test('while one secret replaces another, both are good', async () => {
  const stack = await startStack({ env: { WEBHOOK_SECRET, WEBHOOK_SECRET_NEXT: 'whsec_the_next_one' } });
  expect(await post(stack, completed(stack, 'complete-1'))).toMatchObject(taken('stored'));
  expect(await post(stack, completed(stack, 'complete-2'), { secret: 'whsec_the_next_one' })).toMatchObject(
    taken('stored'),
  );
  expect((await post(stack, completed(stack, 'complete-3'), { secret: 'whsec_a_third_one' })).status).toBe(
    401,
  );
});

test('without a secret there is no such route, by any method', async () => {
  const stack = await startStack();
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'DELETE']) {
    const [ours, unknown] = await Promise.all(
      [PATH, '/webhooks/nobody'].map((path) => stack.client.request(path, { method })),
    );
    expect([method, ours?.status, ours?.headers.get('allow')]).toEqual([method, unknown?.status, null]);
    expect(ours?.status).toBe(404);
  }
});
