import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts';

let issuer: TokenIssuer;

beforeAll(async () => {
  issuer = await startTokenIssuer({ keyCount: 2, handsOutTokens: true });
});
afterAll(() => issuer.close());

function verify(token: string) {
  const expected = { issuer: issuer.issuer, audience: issuer.audience, typ: 'at+jwt' };
  return jwtVerify(token, createRemoteJWKSet(new URL(issuer.jwksUrl)), expected);
}

test('its tokens verify by its discovery and keys, in every algorithm', async () => {
  const discovery = await (await fetch(`${issuer.issuer}/.well-known/openid-configuration`)).json();
  expect(discovery).toEqual({ issuer: issuer.issuer, jwks_uri: issuer.jwksUrl });
  const before = issuer.fetches.jwks;
  for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA'] as const) {
    const { payload, protectedHeader } = await verify(await issuer.token({ scope: 'a b' }, { algorithm }));
    expect(protectedHeader.alg).toBe(algorithm);
    expect(payload).toMatchObject({ sub: 'alice', scope: 'a b' });
  }
  expect(issuer.fetches).toEqual({ discovery: 1, jwks: before + 4 });
});

test('claims and headers can be taken away', async () => {
  const token = await issuer.token({ exp: undefined, sub: 'bob' }, { header: { typ: undefined } });
  expect(decodeJwt(token)).not.toHaveProperty('exp');
  expect(decodeJwt(token).sub).toBe('bob');
  expect(decodeProtectedHeader(token)).not.toHaveProperty('typ');
});

test('after a rotation old tokens are worth nothing and new ones verify', async () => {
  const old = await issuer.token();
  await issuer.rotateKeys();
  await expect(verify(old)).rejects.toThrow('no applicable key');
  await verify(await issuer.token());
  await issuer.addKey('ES256', { current: true });
  expect((await verify(await issuer.token())).protectedHeader.alg).toBe('ES256');
  expect(issuer.jwks().keys).toHaveLength(2);
});

test('no two live issuers share a key', async () => {
  await using other = await disposableIssuer();
  expect(other.currentKey().kid).not.toBe(issuer.currentKey().kid);
});

test('misbehaves as told', async () => {
  issuer.respondWith('error');
  expect((await fetch(issuer.jwksUrl)).status).toBe(500);
  issuer.respondWith('html');
  expect(await (await fetch(issuer.jwksUrl)).text()).toContain('<!doctype');
  issuer.respondWith('empty');
  expect(await (await fetch(issuer.jwksUrl)).json()).toEqual({});
  issuer.respondWith('hang');
  await expect(fetch(issuer.jwksUrl, { signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout');
  issuer.respondWith('ok');
  await issuer.down();
  await expect(fetch(issuer.jwksUrl)).rejects.toThrow();
  await issuer.up();
  expect((await fetch(issuer.jwksUrl)).status).toBe(200);
});

test('hands out tokens where it is told to', async () => {
  const response = await fetch(`${issuer.issuer}/token?sub=carol`);
  const { access_token } = z.object({ access_token: z.string() }).parse(await response.json());
  expect((await verify(access_token)).payload.sub).toBe('carol');
  await using other = await disposableIssuer();
  expect((await fetch(`${other.issuer}/token`)).status).toBe(404);
});

async function disposableIssuer() {
  const started = await startTokenIssuer();
  return { ...started, [Symbol.asyncDispose]: () => started.close() };
}
