import { describe, expect, test } from 'vitest';
import { KINDS } from '../../src/lookup/project.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

const ENV = { CACHE_PENDING_TTL_MS: '50', WATCH_INTERVAL_MIN_MS: '50' };
const wait = (prefer: string, headers: Record<string, string> = {}) => ({ headers: { prefer, ...headers } });
const isHeld = (stack: Stack) => eventually(async () => (await stack.metric('projects_watched')) === 1);

describe('a lookup that prefers to wait', () => {
  test.each(KINDS)('is answered once the project is over, for %s projects', async (kind) => {
    const stack = await startStack({ env: ENV, emulator: { queuedMs: 200, renderingMs: 200 } });
    const answer = await stack.client.request(`/v1/${kind}-projects/demo-1`, {
      headers: { prefer: 'wait=30', authorization: `Bearer ${await stack.issuer.token({ sub: 'alice' })}` },
    });
    expect(answer.json()).toMatchObject({ status: 'complete' });
    expect(answer.headers.get('preference-applied')).toBe('wait=30');
    expect(await stack.metric(`lookups_total{kind="${kind}",result="miss"}`)).toBe(1);
    expect(await stack.metric('projects_watched')).toBe(0);
  });

  test('is answered with the latest state when the time is up', async () => {
    const stack = await startStack({ env: ENV });
    stack.emulator.project('p1', { status: 'queued' });
    const held = stack.lookup('p1', wait('wait=1'));
    await isHeld(stack);
    stack.emulator.project('p1', { status: 'rendering' });
    const answer = await held;
    expect(answer.json()).toMatchObject({ status: 'rendering' });
    expect(answer.headers.get('preference-applied')).toBe('wait=1');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(stack.emulator.requests.length).toBeGreaterThan(3);
  });

  test('is answered at once where the project is over, also out of memory', async () => {
    const stack = await startStack();
    for (const cache of ['fwd=uri-miss', 'hit', 'hit']) {
      const answer = await stack.lookup('complete-1', wait('wait=60'));
      expect(answer.headers.get('cache-status')).toContain(cache);
      expect(answer.headers.get('preference-applied')).toBe('wait=60');
    }
  });

  test('is answered at once where nothing is to be waited for', async () => {
    const stack = await startStack();
    stack.emulator.project('p1', { status: 'queued' });
    const none = await stack.lookup('p1', wait('wait=0'));
    expect(none.headers.get('preference-applied')).toBe('wait=0');
    const other = await stack.lookup('p1', wait('respond-async'));
    expect(other.headers.get('preference-applied')).toBeNull();
    expect((await stack.lookup('missing-1', wait('wait=60'))).status).toBe(404);
  });

  test('is answered 304 where the last state is the one that the caller has', async () => {
    const stack = await startStack({ env: ENV });
    const etag = (await stack.lookup('complete-1')).headers.get('etag') ?? '';
    const answer = await stack.lookup('complete-1', wait('wait=9', { 'if-none-match': etag }));
    expect(answer.status).toBe(304);
    expect(answer.headers.get('preference-applied')).toBe('wait=9');
  });

  test('is answered without a body where it is a HEAD', async () => {
    const stack = await startStack({ env: ENV, emulator: { queuedMs: 100, renderingMs: 100 } });
    const answer = await stack.lookup('demo-1', { ...wait('wait=30'), method: 'HEAD' });
    expect(answer.headers.get('cache-control')).toMatch(/^private, max-age=/);
  });

  test('is answered 404 once the project is gone', async () => {
    const stack = await startStack({ env: ENV });
    stack.emulator.project('p1', { status: 'queued' });
    const held = stack.lookup('p1', wait('wait=60'));
    await isHeld(stack);
    stack.emulator.project('p1', { response: { status: 404, body: '{"message":"Not Found"}' } });
    expect((await held).status).toBe(404);
  });

  test('costs nothing more once its caller has left', async () => {
    const stack = await startStack({ env: ENV });
    stack.emulator.project('p1', { status: 'queued' });
    const leave = new AbortController();
    const held = stack.lookup('p1', { ...wait('wait=60'), signal: leave.signal });
    await isHeld(stack);
    leave.abort();
    await expect(held).rejects.toThrow();
    await eventually(async () => (await stack.metric('projects_watched')) === 0);
    await eventually(() => stack.logs().some((line) => line.includes('"status":499')));
  });

  test('is answered at once, and as by a replica that leaves, when the service stops', async () => {
    const stack = await startStack({ env: { ...ENV, SHUTDOWN_DELAY_SECONDS: '5' } });
    stack.emulator.project('p1', { status: 'queued' });
    const held = stack.lookup('p1', wait('wait=60'));
    await isHeld(stack);
    const stopped = stack.service.stop();
    const answer = await held;
    expect(answer.status).toBe(200);
    expect(answer.headers.get('connection')).toBe('close');
    // Nobody is held any more, and still everybody is answered.
    expect((await stack.lookup('p1', wait('wait=60'))).json()).toMatchObject({ status: 'queued' });
    await stopped;
  });

  test('ends with its caller’s token', async () => {
    const stack = await startStack({ env: ENV });
    stack.emulator.project('p1', { status: 'queued' });
    const expSeconds = Math.floor(Date.now() / 1000) + 2;
    const authorization = `Bearer ${await stack.issuer.token({ sub: 'alice', exp: expSeconds })}`;
    const answer = await stack.client.request('/v1/image-projects/p1', {
      headers: { authorization, prefer: 'wait=60' },
    });
    expect(answer.status).toBe(200);
    expect(Date.now()).toBeGreaterThanOrEqual(expSeconds * 1000);
  });

  test('does not spoil the figures for latency', async () => {
    const stack = await startStack({ env: ENV });
    stack.emulator.project('p1', { status: 'queued' });
    await stack.lookup('p1', wait('wait=1'));
    const line = stack.logs().find((each) => each.includes('"held_ms"'));
    const { duration_ms, held_ms } = JSON.parse(line ?? '{}');
    expect(held_ms).toBeGreaterThan(900);
    const sum = await stack.metric(
      'http_request_duration_seconds_sum{method="GET",route="/v1/image-projects/{id}",status="200"}',
    );
    expect(1000 * sum).toBeCloseTo(duration_ms - held_ms, 1);
  });
});

test('waits, streams and plain lookups of one project share the upstream’s answers', async () => {
  const stack = await startStack({
    env: { CACHE_PENDING_TTL_MS: '200', WATCH_INTERVAL_MIN_MS: '60000', WATCH_INTERVAL_MAX_MS: '60000' },
  });
  stack.emulator.project('p1', { status: 'queued' });
  const held = stack.lookup('p1', wait('wait=60'));
  await isHeld(stack);
  stack.emulator.project('p1', { status: 'complete' });
  // The next poll is far off; what somebody else is told is told to all.
  await eventually(async () => (await stack.lookup('p1', { user: 'bob' })).body.includes('"complete"'));
  expect((await held).json()).toMatchObject({ status: 'complete' });
  expect(stack.emulator.requests).toHaveLength(2);
});
