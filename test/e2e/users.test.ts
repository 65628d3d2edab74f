import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually, type Stack, startStack } from '../support/stack.ts';

async function withToken(stack: Stack, token: string) {
  return stack.client.request('/v1/image-projects/complete-1', {
    headers: { authorization: `Bearer ${token}` },
  });
}

describe('who is let in', () => {
  test('nobody without a token, with the challenge that RFC 6750 asks for', async () => {
    const { client, emulator } = await startStack();
    const response = await client.request('/v1/image-projects/complete-1');
    expect(response.status).toBe(401);
    expect(response.json()).toMatchObject({ message: 'Unauthorized', code: 'token_missing' });
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="magic-hour-bff"');
    expect(emulator.count()).toBe(0);
  });

  test.each([
    ['an expired one', { exp: Math.floor(Date.now() / 1000) - 1 }, 'token_expired'],
    ['one of another issuer', { iss: 'https://elsewhere.example' }, 'token_invalid'],
    ['one for another audience', { aud: 'another-service' }, 'token_invalid'],
    ['one that is not valid yet', { nbf: Math.floor(Date.now() / 1000) + 600 }, 'token_invalid'],
    ['one for nobody', { sub: '' }, 'token_invalid'],
    ['one that is bound to a key', { cnf: { jkt: 'x' } }, 'token_invalid'],
  ])('nobody with %s', async (_name, claims, code) => {
    const stack = await startStack();
    const response = await withToken(stack, await stack.issuer.token(claims));
    expect(response.status).toBe(401);
    expect(response.json()).toMatchObject({ message: 'Unauthorized', code });
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(stack.emulator.count()).toBe(0);
    expect(await stack.metric(`authentication_failures_total{reason="${code}"}`)).toBe(1);
  });

  test('only those with the scope that is asked for', async () => {
    const stack = await startStack({ env: { AUTH_REQUIRED_SCOPE: 'images:read' } });
    expect((await withToken(stack, await stack.issuer.token({ scope: 'openid images:read' }))).status).toBe(
      200,
    );
    const refused = await withToken(stack, await stack.issuer.token({ scope: 'openid' }));
    expect(refused.status).toBe(403);
    expect(refused.json()).toMatchObject({ code: 'insufficient_scope' });
    expect(refused.headers.get('www-authenticate')).toContain('scope="images:read"');
  });

  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'] as const)('a token signed by %s', async (algorithm) => {
    const stack = await startStack();
    expect((await withToken(stack, await stack.issuer.token({}, { algorithm }))).status).toBe(200);
  });
});

describe("the issuer's keys", () => {
  test('rotate without a restart', async () => {
    const stack = await startStack();
    expect((await withToken(stack, await stack.issuer.token())).status).toBe(200);
    await stack.issuer.rotateKeys();
    expect((await withToken(stack, await stack.issuer.token({ sub: 'bob' }))).status).toBe(200);
  });

  test('can come from a URL of their own', async () => {
    const first = await startStack();
    await eventually(() => first.issuer.fetches.jwks === 1);
    const stack = await startStack({ beside: first, env: { AUTH_JWKS_URL: first.issuer.jwksUrl } });
    const before = first.issuer.fetches.discovery;
    expect((await withToken(stack, await stack.issuer.token())).status).toBe(200);
    expect(first.issuer.fetches.discovery).toBe(before);
  });

  test('can come from a file, and follow it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jwks-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'jwks.json');
    const first = await startStack();
    await writeFile(file, JSON.stringify(first.issuer.jwks()));
    const stack = await startStack({ beside: first, env: { AUTH_JWKS_FILE: file } });
    expect((await withToken(stack, await stack.issuer.token())).status).toBe(200);

    await stack.issuer.rotateKeys();
    await writeFile(`${file}.new`, JSON.stringify(stack.issuer.jwks()));
    await rename(`${file}.new`, file);
    const token = await stack.issuer.token({ sub: 'bob' });
    await eventually(async () => (await withToken(stack, token)).status === 200);
  });

  test.each(['error', 'html', 'empty'] as const)(
    'that can not be had (%s) are 503, never 401 and never entry',
    async (mode) => {
      const stack = await startStack();
      expect((await withToken(stack, await stack.issuer.token())).status).toBe(200);
      const token = await stack.issuer.token({ sub: 'bob' });
      const late = await stack.issuer.addKey('RS256', { current: true });
      stack.issuer.respondWith(mode);
      const unjudged = await withToken(stack, await stack.issuer.token({}, { key: late }));
      expect(unjudged.status).toBe(503);
      expect(unjudged.json()).toMatchObject({ code: 'authentication_unavailable' });
      expect(unjudged.headers.get('retry-after')).not.toBeNull();
      expect((await withToken(stack, token)).status).toBe(200);
    },
  );

  test('that were never had are 503 until the issuer is back', async () => {
    const first = await startStack();
    await first.issuer.down();
    const stack = await startStack({ beside: first });
    const token = await stack.issuer.token();
    const response = await withToken(stack, token);
    expect(response.status).toBe(503);
    expect(response.json()).toMatchObject({ code: 'authentication_unavailable' });
    expect(stack.emulator.count()).toBe(0);
    await first.issuer.up();
    await eventually(async () => (await withToken(stack, token)).status === 200);
  });
});
