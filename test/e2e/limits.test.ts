import { describe, expect, test } from 'vitest';
import { startStack } from '../support/stack.ts';

describe('limits', () => {
  test('refuse a user over theirs, as the contract says, and nobody else', async () => {
    const { lookup, metric } = await startStack({
      env: { RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW_SECONDS: '600' },
    });
    const first = await lookup('complete-1');
    expect(first.headers.get('ratelimit')).toMatch(/"user"; r=1; t=\d+/);
    expect(first.headers.get('ratelimit-policy')).toMatch(/"user"; q=2; w=600; pk=:[A-Za-z0-9+/=]+:/);
    await lookup('complete-1');
    const refused = await lookup('complete-1');
    expect(refused.status).toBe(429);
    expect(refused.json()).toMatchObject({ code: 'rate_limited' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await lookup('complete-1', { user: 'bob' })).status).toBe(200);
    expect(await metric('rate_limit_rejections_total{policy="user"}')).toBe(1);
  });

  test('count a user once, whatever token they come with', async () => {
    const { client, issuer, lookup } = await startStack({ env: { RATE_LIMIT_MAX: '2' } });
    await lookup('complete-1');
    await lookup('complete-1');
    const authorization = `Bearer ${await issuer.token({ sub: 'alice', jti: 'another' })}`;
    expect(
      (await client.request('/v1/image-projects/complete-1', { headers: { authorization } })).status,
    ).toBe(429);
  });

  test('refuse an address over its own before anybody is asked who they are', async () => {
    const { client, metric, lookup } = await startStack({ env: { RATE_LIMIT_IP_MAX: '3' } });
    const statuses: number[] = [];
    for (let n = 0; n < 5; n += 1)
      statuses.push((await client.request('/v1/image-projects/complete-1')).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await lookup('complete-1')).status).toBe(429);
    expect(await metric('rate_limit_rejections_total{policy="ip"}')).toBe(3);
    expect(await metric('authentication_failures_total{reason="token_missing"}')).toBe(3);
  });

  test('do not believe X-Forwarded-For from anybody', async () => {
    const { client } = await startStack({ env: { RATE_LIMIT_IP_MAX: '1' } });
    const asking = (address: string) =>
      client.request('/v1/image-projects/a', {
        headers: { 'x-forwarded-for': address, 'x-real-ip': address },
      });
    expect((await asking('198.51.100.1')).status).toBe(401);
    expect((await asking('198.51.100.2')).status).toBe(429);
  });

  test('believe it from a proxy that is named, and from the right', async () => {
    const { client } = await startStack({ env: { RATE_LIMIT_IP_MAX: '1', TRUST_PROXY: '127.0.0.0/8' } });
    const asking = (address: string) =>
      client.request('/v1/image-projects/a', { headers: { 'x-forwarded-for': address } });
    expect((await asking('198.51.100.1')).status).toBe(401);
    expect((await asking('198.51.100.2')).status).toBe(401);
    expect((await asking('203.0.113.9, 198.51.100.2')).status).toBe(429);
  });
});

describe('origins', () => {
  const env = { CORS_ORIGINS: 'https://app.example.com, https://beta.example.com' };
  const preflight = {
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'authorization',
  };

  test('that are named may call and read the headers', async () => {
    const { client, lookup } = await startStack({ env });
    const origin = 'https://beta.example.com';
    const asked = await client.request('/v1/image-projects/complete-1', {
      method: 'OPTIONS',
      headers: { origin, ...preflight },
    });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(origin);
    expect(asked.headers.get('access-control-allow-headers')).toContain('Authorization');
    const response = await lookup('complete-1', { headers: { origin } });
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    expect(response.headers.get('access-control-expose-headers')).toContain('RateLimit');
    expect(response.headers.get('vary')).toBe('Origin, Authorization, Cookie');
    const unauthorized = await client.request('/v1/image-projects/complete-1', { headers: { origin } });
    expect(unauthorized.headers.get('access-control-allow-origin')).toBe(origin);
  });

  test.each([
    'https://app.example.com.evil.example',
    'https://evil-app.example.com',
    'http://app.example.com',
    'https://app.example.com:8443',
    'null',
  ])('%s gets no CORS header, and 403 for its preflight', async (origin) => {
    const { client, lookup } = await startStack({ env });
    const asked = await client.request('/v1/image-projects/complete-1', {
      method: 'OPTIONS',
      headers: { origin, ...preflight },
    });
    expect(asked.status).toBe(403);
    expect(asked.json()).toMatchObject({ code: 'origin_not_allowed' });
    for (const response of [asked, await lookup('complete-1', { headers: { origin } })]) {
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('get no CORS header at all where none is named', async () => {
    const { lookup } = await startStack();
    const response = await lookup('complete-1', { headers: { origin: 'https://app.example.com' } });
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});
