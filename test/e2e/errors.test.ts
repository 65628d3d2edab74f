import { describe, expect, test } from 'vitest';
import { startStack } from '../support/stack.ts';

/** One attempt, so that what comes back at once is what the upstream said. */
const ONCE = { UPSTREAM_RETRIES: '0' };

describe('what the upstream says becomes what the contract says', () => {
  test.each([
    [400, 400, 'invalid_request'],
    [401, 502, 'upstream_rejected_key'],
    [402, 402, 'payment_required'],
    [403, 502, 'upstream_rejected_key'],
    [404, 404, 'not_found'],
    [408, 504, 'upstream_timeout'],
    [418, 502, 'upstream_bad_response'],
    [429, 503, 'upstream_unavailable'],
    [500, 502, 'upstream_error'],
    [503, 502, 'upstream_error'],
    [204, 502, 'upstream_bad_response'],
    [302, 502, 'upstream_bad_response'],
  ])('%i → %i %s', async (upstream, status, code) => {
    const { lookup, emulator } = await startStack({ env: ONCE });
    emulator.respondNext('p', {
      status: upstream,
      body: '{"message":"inner words"}',
      headers: { location: 'http://127.0.0.1:1/' },
    });
    const response = await lookup('p');
    expect(response.status).toBe(status);
    expect(response.json()).toMatchObject({ code });
    expect(response.body.toString()).not.toContain('inner words');
  });

  test.each([
    ['HTML', '<html></html>'],
    ['truncated JSON', '{"id":"p","status":'],
    ['a list', '[]'],
    ['no status', '{"id":"p"}'],
    ['downloads that are no list', '{"id":"p","status":"complete","downloads":{}}'],
    ["another project's id", '{"id":"q","status":"complete","downloads":[]}'],
    ['more than allowed', `{"id":"p","status":"complete","downloads":[],"x":"${'x'.repeat(2000)}"}`],
  ])('a body that is %s → 502 upstream_bad_response, kept nowhere', async (_name, body) => {
    const { lookup, emulator } = await startStack({ env: { ...ONCE, UPSTREAM_MAX_RESPONSE_BYTES: '2000' } });
    emulator.respondNext('p', { body });
    expect((await lookup('p')).json()).toMatchObject({ code: 'upstream_bad_response' });
    emulator.project('p', { status: 'complete' });
    expect((await lookup('p')).status).toBe(200);
  });

  test('a deadline that passes → 504 upstream_timeout', async () => {
    const { lookup, emulator } = await startStack({
      env: { UPSTREAM_TIMEOUT_MS: '50', UPSTREAM_DEADLINE_MS: '200' },
    });
    emulator.project('p', { response: { hang: true } });
    const response = await lookup('p');
    expect(response.status).toBe(504);
    expect(response.json()).toMatchObject({ code: 'upstream_timeout' });
  });

  test('an unknown project stays unknown for a moment, and only for that', async () => {
    const { lookup, emulator } = await startStack({ env: { CACHE_NOT_FOUND_TTL_SECONDS: '60' } });
    const bodies = [await lookup('nobody'), await lookup('nobody')].map((response) => response.json());
    expect(emulator.count('nobody')).toBe(1);
    expect(bodies[0]).toMatchObject({ message: 'Not Found', code: 'not_found' });
  });
});

describe('what a caller does wrong', () => {
  test.each(['a b', 'a%2Fb', '%00', 'ä', 'a'.repeat(129), '%zz', 'a%23', 'a.b'])(
    'the id %j → 400 invalid_project_id, with nothing spent on it',
    async (id) => {
      const { lookup, emulator } = await startStack();
      const response = await lookup(id);
      expect(response.status).toBe(400);
      expect(response.json()).toMatchObject({ code: 'invalid_project_id' });
      expect(emulator.count()).toBe(0);
    },
  );

  test.each([
    '/',
    '/v1',
    '/v1/image-projects',
    '/v1/image-projects/',
    '/v1/image-projects/a/',
    '/V1/image-projects/a',
    '/metrics',
    '/readyz',
    '/v1/text-projects/a',
  ])('the path %s → 404', async (path) => {
    const { client } = await startStack();
    const response = await client.request(path);
    expect(response.status).toBe(404);
    expect(response.json()).toMatchObject({ message: 'Not Found', code: 'not_found' });
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s → 405 with Allow', async (method) => {
    const { lookup, emulator } = await startStack();
    const response = await lookup('complete-1', { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    expect(emulator.count()).toBe(0);
  });

  test('the request id is the caller’s own where it is a sound one, else a new one', async () => {
    const { lookup } = await startStack();
    const own = await lookup('missing', { headers: { 'x-request-id': 'order-66.a_B' } });
    expect(own.headers.get('x-request-id')).toBe('order-66.a_B');
    expect(own.json()).toMatchObject({ request_id: 'order-66.a_B' });
    for (const bad of ['a b', 'x'.repeat(129), 'a,b']) {
      const response = await lookup('missing', { headers: { 'x-request-id': bad } });
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test('unknown query parameters are ignored and never forwarded', async () => {
    const { lookup, emulator } = await startStack();
    expect((await lookup('complete-1?x=1&access_token=abc&min_valid[]=1')).status).toBe(200);
    expect(emulator.requests.map(({ path }) => path)).toEqual(['/v1/image-projects/complete-1']);
  });
});
