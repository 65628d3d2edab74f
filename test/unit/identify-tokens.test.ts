import { describe, expect, test } from 'vitest';
import { HttpError } from '../../src/errors.ts';
import { type IdentityRules, identifyTokens } from '../../src/sessions/identify-tokens.ts';
import type { Tokens } from '../../src/sessions/provider.ts';
import { NOW_MS } from '../support/builders.ts';

const RULES: IdentityRules = {
  issuer: 'i',
  userClaim: 'sub',
  tenantClaim: 'org',
  requiredScope: undefined,
  mayAssignOwners: true,
  introspects: false,
};
const JWT = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.e30.c2ln`;
const tokens = (over: Partial<Tokens> = {}): Tokens => ({
  accessToken: 'opaque',
  refreshToken: undefined,
  expiresInSeconds: 600,
  scopes: ['openid', 'image-projects:assign'],
  claims: { sub: 'alice', org: 'acme' },
  ...over,
});
const BEFORE = { issuer: 'i', subject: 'alice', tenant: 'before', scopes: ['a'] };

/** @param code that every access token is refused with */
function identify(
  given: Tokens,
  rules: Partial<IdentityRules> = {},
  before?: typeof BEFORE,
  code: 'token_invalid' | 'authentication_unavailable' = 'token_invalid',
) {
  const verify = async () => {
    throw new HttpError(code);
  };
  const verifier = { verify, recall: () => undefined, confirm: async () => undefined };
  return identifyTokens(
    given,
    { verifier, clock: { now: () => NOW_MS }, rules: { ...RULES, ...rules } },
    before,
  );
}

describe('tokens of a login whose access token nobody here can read', () => {
  test('speak for whom the ID token names, with what was granted', async () => {
    expect(await identify(tokens())).toEqual({
      identity: {
        issuer: 'i',
        subject: 'alice',
        tenant: 'acme',
        plan: undefined,
        scopes: ['openid', 'image-projects:assign'],
      },
      accessExpiresAtMs: NOW_MS + 600_000,
      refreshAtMs: NOW_MS + 540_000,
    });
  });

  test('may not say whose projects are, where their issuer may not', async () => {
    const { identity } = await identify(tokens(), { mayAssignOwners: false });
    expect(identity.scopes).toEqual(['openid']);
  });

  test('let nobody in without the scope that all must have, or without a name', async () => {
    await expect(identify(tokens(), { requiredScope: 'see' })).rejects.toMatchObject({
      code: 'insufficient_scope',
    });
    await expect(identify(tokens({ claims: {} }))).rejects.toMatchObject({ code: 'token_invalid' });
    await expect(identify(tokens({ claims: undefined }))).rejects.toMatchObject({ code: 'token_invalid' });
  });
});

test('an access token that was judged and refused lets nobody in, whatever the ID token says', async () => {
  await expect(identify(tokens({ accessToken: JWT }))).rejects.toMatchObject({ code: 'token_invalid' });
  await expect(identify(tokens(), { introspects: true })).rejects.toMatchObject({ code: 'token_invalid' });
  await expect(identify(tokens({ accessToken: JWT }), {}, BEFORE)).rejects.toMatchObject({
    code: 'token_invalid',
  });
});

test('while keys are away a login waits, and a refresh goes on as whom it was for', async () => {
  const away = 'authentication_unavailable';
  await expect(identify(tokens(), {}, undefined, away)).rejects.toMatchObject({ code: away });
  expect((await identify(tokens({ accessToken: JWT }), {}, BEFORE, away)).identity).toEqual(BEFORE);
});
