import { describe, expect, test } from 'vitest';
import { eventually, type Stack, startStack } from '../support/stack.ts';

/** Has the service verify the users' tokens, so that their next requests wait for no key. */
async function known({ lookup }: Stack, users: readonly string[]): Promise<void> {
  for (const user of users) await lookup('missing', { user });
}

/** Resolves when so many requests of known users are under way: all that they wait for then is the upstream. */
async function underWay({ metric }: Stack, count: number): Promise<void> {
  // The one that asks is under way, too.
  await eventually(async () => (await metric('http_requests_in_flight')) === count + 1);
}

describe('a finished project', () => {
  test('is fetched once, served byte for byte and answered from memory after that', async () => {
    const nowMs = Date.now();
    const { lookup, emulator } = await startStack({ clock: { now: () => nowMs } });
    const body =
      '{ "id":"complete-x",\n "status":"complete", "future_field": [1.0, 1e3], "downloads":[] , "name":"\\u00e9"}';
    emulator.project('complete-x', { response: { body } });

    const first = await lookup('complete-x');
    const second = await lookup('complete-x');

    expect(first.body.toString()).toBe(body);
    expect(second.body.toString()).toBe(body);
    expect(first.headers.get('cache-status')).toMatch(
      /^magic-hour-bff; fwd=uri-miss; fwd-status=200; stored; ttl=\d+$/,
    );
    expect(second.headers.get('cache-status')).toMatch(/^magic-hour-bff; hit; ttl=\d+; detail=memory$/);
    expect(first.headers.get('age')).toBeNull();
    expect(second.headers.get('age')).toBe('0');
    expect(emulator.count('complete-x')).toBe(1);
  });

  test('may be kept by the browser, privately and never past its entry', async () => {
    const { lookup } = await startStack({ emulator: { downloadTtlSeconds: 100 } });
    const response = await lookup('complete-1');
    const maxAge = Number(/^private, max-age=(\d+)$/.exec(response.headers.get('cache-control') ?? '')?.[1]);
    expect(maxAge).toBeLessThanOrEqual(70);
    expect(maxAge).toBeGreaterThanOrEqual(68);
  });

  test('leaves the cache a margin before the earliest of its downloads ends', async () => {
    const { lookup, emulator } = await startStack();
    emulator.project('complete-several', {
      status: 'complete',
      downloads: [{ lifetimeSeconds: 5000 }, { lifetimeSeconds: 1000 }, { lifetimeSeconds: 9000 }],
    });
    const ttl = /ttl=(\d+)/.exec((await lookup('complete-several')).headers.get('cache-status') ?? '')?.[1];
    expect(Number(ttl)).toBeGreaterThanOrEqual(966);
    expect(Number(ttl)).toBeLessThanOrEqual(970);
  });

  test('is fetched again when its time is over, and told as stale', async () => {
    // A whole second, since a signed URL is dated to the second.
    const clock = { nowMs: Math.floor(Date.now() / 1000) * 1000, now: () => clock.nowMs };
    const { lookup, emulator } = await startStack({
      clock,
      emulator: { now: () => clock.nowMs, downloadTtlSeconds: 60 },
    });
    await lookup('complete-1');
    clock.nowMs += 29_000;
    expect((await lookup('complete-1')).headers.get('cache-status')).toContain('; hit; ttl=1;');
    clock.nowMs += 1000;
    const again = await lookup('complete-1');
    expect(again.headers.get('cache-status')).toMatch(/; fwd=stale; fwd-status=200/);
    expect(emulator.count('complete-1')).toBe(2);
  });

  test('is refreshed, once for all who ask, where its URLs live shorter than a caller needs', async () => {
    const stack = await startStack({ emulator: { downloadTtlSeconds: 1000 } });
    const { lookup, emulator } = stack;
    await lookup('complete-1');
    expect((await lookup('complete-1?min_valid=900')).headers.get('cache-status')).toContain('; hit;');

    const users = ['a', 'b', 'c'];
    await known(stack, users);
    emulator.holdAll();
    const asked = users.map((user) => lookup('complete-1?min_valid=2000', { user }));
    await emulator.whenRequested('complete-1', 2);
    await underWay(stack, users.length);
    emulator.release();
    const statuses = (await Promise.all(asked)).map((response) => response.headers.get('cache-status'));

    expect(statuses.filter((status) => status?.includes('fwd=request; fwd-status=200'))).toHaveLength(1);
    expect(statuses.filter((status) => status === 'magic-hour-bff; fwd=request; collapsed')).toHaveLength(2);
    expect(emulator.count('complete-1')).toBe(2);
  });

  test.each(['-1', '1.5', '86401', 'soon', '', '1e3', ' 5'])('refuses min_valid=%j', async (value) => {
    const { lookup, emulator } = await startStack();
    const response = await lookup(`complete-1?min_valid=${encodeURIComponent(value)}`);
    expect(response.status).toBe(400);
    expect(response.json()).toMatchObject({ code: 'invalid_parameter' });
    expect(emulator.count()).toBe(0);
  });

  test('answers 304 to the validator that it gave', async () => {
    const { lookup } = await startStack();
    const etag = (await lookup('complete-1')).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[A-Za-z0-9_-]{43}"$/);
    for (const value of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const response = await lookup('complete-1', { headers: { 'if-none-match': value } });
      expect([value, response.status, response.body.length]).toEqual([value, 304, 0]);
    }
    expect((await lookup('complete-1', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  test('answers HEAD with the headers alone', async () => {
    const { lookup } = await startStack();
    const get = await lookup('complete-1');
    const head = await lookup('complete-1', { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
    expect(head.headers.get('etag')).toBe(get.headers.get('etag'));
    expect(head.headers.get('content-length')).toBe(String(get.body.length));
  });
});

describe('a project that can still change', () => {
  test('is shared for a moment, says when to ask again and is not kept by browsers', async () => {
    const { lookup, emulator } = await startStack({ env: { CACHE_PENDING_TTL_MS: '60000' } });
    emulator.project('queued-1', { status: 'queued' });
    const [first, second] = [await lookup('queued-1'), await lookup('queued-1', { user: 'bob' })];
    expect(first.headers.get('cache-control')).toBe('private, no-cache');
    expect(first.headers.get('retry-after')).toBe('60');
    expect(second.headers.get('cache-status')).toContain('; hit;');
    expect(emulator.count('queued-1')).toBe(1);
  });

  test('is asked for each time with the sharing turned off', async () => {
    const { lookup, emulator } = await startStack({ env: { CACHE_PENDING_TTL_MS: '0' } });
    emulator.project('queued-1', { status: 'rendering' });
    await lookup('queued-1');
    const second = await lookup('queued-1');
    expect(second.headers.get('cache-status')).toBe('magic-hour-bff; fwd=uri-miss; fwd-status=200');
    expect(second.headers.get('retry-after')).toBe('1');
    expect(emulator.count('queued-1')).toBe(2);
  });
});

describe('what is not kept', () => {
  test.each([
    ['a deleted project', { status: 'complete', fields: { enabled: false } }],
    ['a status that is not documented', { status: 'paused' }],
    [
      'a finished project whose downloads are over',
      { status: 'complete', downloads: [{ lifetimeSeconds: 10 }] },
    ],
  ])('%s', async (_name, description) => {
    const { lookup, emulator } = await startStack();
    emulator.project('p', description);
    expect((await lookup('p')).headers.get('cache-status')).toBe(
      'magic-hour-bff; fwd=uri-miss; fwd-status=200',
    );
    await lookup('p');
    expect(emulator.count('p')).toBe(2);
  });

  test.each(['error', 'canceled', 'complete'])(
    '%s without a usable end lives a short while',
    async (status) => {
      const { lookup, emulator } = await startStack();
      emulator.project('p', {
        status,
        downloads: status === 'complete' ? [{ signed: false, expiresAt: 'soon' }] : [],
      });
      expect((await lookup('p')).headers.get('cache-status')).toMatch(/; stored; ttl=(59|60)$/);
    },
  );
});

describe('many callers at once', () => {
  test('cost one upstream request, and one who leaves takes nothing along', async () => {
    const stack = await startStack();
    const { lookup, emulator, metric } = stack;
    const users = Array.from({ length: 20 }, (_, n) => `user-${n}`);
    await known(stack, users);
    emulator.holdAll();
    const leaving = new AbortController();
    const gone = lookup('complete-1', { signal: leaving.signal }).catch(() => 'left');
    await emulator.whenRequested('complete-1');
    const others = users.map((user) => lookup('complete-1', { user }));
    await underWay(stack, users.length + 1);
    leaving.abort();
    expect(await gone).toBe('left');
    emulator.release();
    for (const response of await Promise.all(others)) expect(response.status).toBe(200);
    expect(emulator.count('complete-1')).toBe(1);
    expect(await metric('lookups_total{kind="image",result="collapsed"}')).toBe(20);
  });
});
