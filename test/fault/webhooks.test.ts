import { expect, test } from 'vitest';
import { startRedisServer } from '../support/redis-server.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';
import { signedHeaders, WEBHOOK_SECRET, webhookBody } from '../support/webhook-sender.ts';

const PATH = '/webhooks/magic-hour';
const redisIs = (stack: Stack, up: 0 | 1) => eventually(async () => (await stack.metric('redis_up')) === up);

test('what Redis can not keep is not acknowledged, and taken when it comes again', async () => {
  const redis = await startRedisServer();
  const env = { REDIS_URL: redis.url, WEBHOOK_SECRET };
  const a = await startStack({ env });
  const b = await startStack({ env, beside: a });
  try {
    await Promise.all([redisIs(a, 1), redisIs(b, 1)]);
    const body = webhookBody('image.completed', a.emulator.bodyOf('image', 'complete-1'));
    const headers = signedHeaders(body);
    const post = () => a.client.request(PATH, { method: 'POST', headers, body });

    redis.pause();
    const refused = await post();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(refused.body.toString()).toContain('cache_unavailable');
    await redisIs(a, 0);
    expect((await post()).status).toBe(503);
    expect(await a.metric('webhook_deliveries_total{event="image.completed",result="unavailable"}')).toBe(2);
    redis.resume();
    await Promise.all([redisIs(a, 1), redisIs(b, 1)]);

    // The command that nobody waited for any more may have reached Redis all the same.
    const again = await post();
    expect(again.status).toBe(200);
    expect(again.body.toString()).toMatch(/"(stored|replayed)"/);
    const found = await b.lookup('complete-1');
    expect(found.headers.get('cache-status')).toContain('hit');
    expect(a.emulator.count('complete-1')).toBe(0);
  } finally {
    redis.resume();
    await redis.stop();
  }
});

test("the emulator's webhooks get through in the end, while Redis is away at first", async () => {
  const redis = await startRedisServer();
  const stack = await startStack({ env: { REDIS_URL: redis.url, WEBHOOK_SECRET } });
  try {
    await redisIs(stack, 1);
    await redis.kill();
    const sending = stack.emulator.sendWebhook(stack.service.publicUrl + PATH, 'video', 'complete-2', {
      firstPauseMs: 50,
      afresh: true,
    });
    await eventually(
      async () =>
        (await stack.metric('webhook_deliveries_total{event="video.completed",result="unavailable"}')) > 0,
    );
    await redis.restart();
    const { statuses } = await sending;
    expect(statuses.slice(0, -1).every((status) => status === 503)).toBe(true);
    expect(statuses.at(-1)).toBe(200);
  } finally {
    await redis.stop();
  }
});

test('what is finished is not taken back by a delivery from before, though Redis has lost all that it knew', async () => {
  const redis = await startRedisServer();
  const stack = await startStack({ env: { REDIS_URL: redis.url, WEBHOOK_SECRET } });
  try {
    await redisIs(stack, 1);
    await stack.lookup('complete-3');
    await redis.command('FLUSHALL');
    const { statuses } = await stack.emulator.sendWebhook(
      stack.service.publicUrl + PATH,
      'image',
      'complete-3',
      {
        change: 'started',
      },
    );
    expect(statuses).toEqual([200]);
    const before = stack.emulator.bodyOf('image', 'complete-3').replace('"complete"', '"rendering"');
    const body = webhookBody('image.started', before);
    const late = await stack.client.request(PATH, { method: 'POST', headers: signedHeaders(body), body });
    expect(late.body.toString()).toBe('{"result":"outdated"}');
    expect((await stack.lookup('complete-3')).body.toString()).toContain('"status":"complete"');
  } finally {
    await redis.stop();
  }
});
