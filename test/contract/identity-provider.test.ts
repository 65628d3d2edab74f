import { describe, expect, test } from 'vitest';
import { createDpopKey } from '../support/dpop-key.ts';
import { eventually, startStack } from '../support/stack.ts';
import {
  type IdentityProvider,
  INTROSPECTOR,
  PROVIDER_AUDIENCE,
  startIdentityProvider,
} from '../support/token-provider.ts';

const settingsFor = ({ issuer }: IdentityProvider) => ({
  AUTH_ISSUER: issuer,
  AUTH_AUDIENCE: PROVIDER_AUDIENCE,
  AUTH_REQUIRED_SCOPE: 'images:read',
});
const introspection = {
  AUTH_INTROSPECTION_CLIENT_ID: INTROSPECTOR.id,
  AUTH_INTROSPECTION_CLIENT_SECRET: INTROSPECTOR.secret,
  // A token of a client that acts for itself has no subject there.
  AUTH_USER_CLAIM: 'client_id',
};

async function startWith(env: Readonly<Record<string, string>>) {
  const { client, issuer } = await startStack({ env });
  const ask = (token: string) =>
    client.request('/v1/image-projects/complete-1', { headers: { authorization: `Bearer ${token}` } });
  return { ask, issuer };
}

describe('a real identity provider', () => {
  test('is discovered, and its access tokens let their owner in', async () => {
    const provider = await startIdentityProvider();
    const { ask } = await startWith(settingsFor(provider));
    const { access_token } = await provider.token();
    expect((await ask(access_token)).status).toBe(200);
  });

  test('lets nobody in with a token for another audience', async () => {
    const provider = await startIdentityProvider();
    const { ask } = await startWith({
      ...settingsFor(provider),
      AUTH_AUDIENCE: 'https://other.example.com',
    });
    const { access_token } = await provider.token();
    expect((await ask(access_token)).json()).toMatchObject({ code: 'token_invalid' });
  });

  test('may be one of two', async () => {
    const [staff, partners] = await Promise.all([startIdentityProvider(), startIdentityProvider()]);
    const { ask } = await startWith({
      ...settingsFor(staff),
      AUTH_ISSUERS: `- { issuer: ${partners.issuer}, audience: ${PROVIDER_AUDIENCE} }`,
    });
    for (const provider of [staff, partners]) {
      expect((await ask((await provider.token()).access_token)).status).toBe(200);
    }
  });
});

describe("a real identity provider's opaque tokens", () => {
  test('let their owner in, until they are revoked and what was heard of them is over', async () => {
    const provider = await startIdentityProvider('opaque');
    const { ask } = await startWith({
      ...settingsFor(provider),
      ...introspection,
      AUTH_INTROSPECTION_CACHE_SECONDS: '1',
    });
    const { access_token } = await provider.token();
    expect(access_token).not.toContain('.');
    expect((await ask(access_token)).status).toBe(200);
    await provider.revoke(access_token);
    await eventually(async () => (await ask(access_token)).status === 401);
    expect((await ask(access_token)).json()).toMatchObject({ code: 'token_invalid' });
  });

  test('lack what the service asks for as JWTs would', async () => {
    const provider = await startIdentityProvider('opaque');
    const { access_token } = await provider.token();
    for (const [env, code] of [
      [{ AUTH_AUDIENCE: 'https://other.example.com' }, 'token_invalid'],
      [{ AUTH_REQUIRED_SCOPE: 'images:write' }, 'insufficient_scope'],
    ] as const) {
      const { ask } = await startWith({ ...settingsFor(provider), ...introspection, ...env });
      expect((await ask(access_token)).json()).toMatchObject({ code });
    }
  });

  test('can not be judged by a service that the provider does not know', async () => {
    const provider = await startIdentityProvider('opaque');
    const { access_token } = await provider.token();
    const { ask } = await startWith({
      ...settingsFor(provider),
      ...introspection,
      AUTH_INTROSPECTION_CLIENT_SECRET: 'another secret',
    });
    const answer = await ask(access_token);
    expect(answer.status).toBe(503);
    expect(answer.json()).toMatchObject({ code: 'authentication_unavailable' });
  });
});

describe.each(['jwt', 'opaque'] as const)(
  "a real identity provider's tokens that are bound to a key (%s)",
  (format) => {
    test('let in who holds the key, once a proof, and nobody else', async () => {
      const provider = await startIdentityProvider(format);
      const { client, service } = await startStack({
        env: { ...settingsFor(provider), ...(format === 'opaque' ? introspection : {}) },
      });
      const [key, thief] = await Promise.all([createDpopKey(), createDpopKey()]);
      const asking = await key.proof({ url: provider.tokenEndpoint, method: 'POST' });
      const { access_token: token, token_type } = await provider.token({ dpop: asking });
      expect(token_type).toBe('DPoP');
      const path = '/v1/image-projects/complete-1';
      const url = `${service.publicUrl}${path}`;
      const ask = async (headers: Readonly<Record<string, string>>) =>
        (await client.request(path, { headers })).status;

      const proof = await key.proof({ url, token });
      expect(await ask({ authorization: `DPoP ${token}`, dpop: proof })).toBe(200);
      expect(await ask({ authorization: `DPoP ${token}`, dpop: proof })).toBe(401);
      expect(await ask({ authorization: `DPoP ${token}`, dpop: await key.proof({ url, token }) })).toBe(200);
      expect(await ask({ authorization: `DPoP ${token}`, dpop: await thief.proof({ url, token }) })).toBe(
        401,
      );
      expect(await ask({ authorization: `Bearer ${token}` })).toBe(401);
    });
  },
);
