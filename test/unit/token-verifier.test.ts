import { SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { createTokenJudge, type TokenRules } from '../../src/auth/token-judge.ts';
import { NOW_MS } from '../support/builders.ts';
import type { SigningKey } from '../support/signing-keys.ts';
import { AUDIENCE, createFakeIssuer, ISSUER, newKey, signToken, verifierOf } from '../support/user-tokens.ts';

type Fields = Readonly<Record<string, unknown>>;

const NOW_SECONDS = NOW_MS / 1000;
const RULES: TokenRules = {
  issuer: ISSUER,
  audience: AUDIENCE,
  algorithms: ['EdDSA', 'ES256'],
  userClaim: 'sub',
  mayAssignOwners: true,
  tenantClaim: undefined,
  requiredScope: undefined,
};

let key: SigningKey;
beforeAll(async () => {
  key = await newKey();
});

function create(rules: Partial<TokenRules> = {}) {
  const issuer = createFakeIssuer([key]);
  const verifier = verifierOf(
    createTokenJudge(issuer.keys, { ...RULES, ...rules }, issuer.clock),
    issuer.clock,
  );
  // An async function turns what is thrown at once into a rejection, as the caller's `await` does.
  return { verify: async (token: string) => verifier.verify(token) };
}

const verified = async (claims: Fields, rules: Partial<TokenRules> = {}) =>
  create(rules).verify(await signToken(key, claims));

const refusal = async (claims: Fields, header: Fields = {}) =>
  create()
    .verify(await signToken(key, claims, header))
    .then(
      () => 'let in',
      (error) => error.code,
    );

describe('a principal', () => {
  test('is the user of the token, known by issuer and subject together', async () => {
    const alice = await verified({ sub: 'alice' });
    expect(alice).toMatchObject({ subject: 'alice', tenant: undefined });
    expect(alice.userKey).toMatch(/^[\w-]{43}$/);
    expect((await verified({ sub: 'alice', jti: 'another token' })).userKey).toBe(alice.userKey);
    expect((await verified({ sub: 'bob' })).userKey).not.toBe(alice.userKey);
    const other = { issuer: 'https://other.example' };
    expect((await verified({ iss: other.issuer, sub: 'alice' }, other)).userKey).not.toBe(alice.userKey);
  });

  test.each<[string, Fields, string[]]>([
    ['a string', { scope: 'a b' }, ['a', 'b']],
    ['a list', { scope: ['a', 'b'] }, ['a', 'b']],
    ['scp as a list', { scp: ['a', 'b'] }, ['a', 'b']],
    ['scp as a string', { scp: 'a b' }, ['a', 'b']],
    ['something else', { scope: { a: true } }, []],
    ['nothing', {}, []],
  ])('has the scopes that stand there as %s', async (_form, claims, scopes) => {
    expect([...(await verified(claims)).scopes]).toEqual(scopes);
  });

  test('is named by the claims that the configuration says', async () => {
    const rules = { userClaim: 'email', tenantClaim: 'org' };
    expect(await verified({ email: 'a@x.example', org: 'acme' }, rules)).toMatchObject({
      subject: 'a@x.example',
      tenant: 'acme',
    });
    expect((await verified({ email: 'a@x.example' }, rules)).tenant).toBeUndefined();
    await expect(verified({ org: 'acme' }, rules)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  test('of two tokens with the same first thousand characters are two users', async () => {
    const { verify } = create();
    const padding = 'x'.repeat(1000);
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map((sub) =>
        new SignJWT({ padding, iss: ISSUER, aud: AUDIENCE, exp: NOW_SECONDS + 60, sub })
          .setProtectedHeader({ alg: 'EdDSA', kid: key.kid })
          .sign(key.privateKey),
      ),
    );
    expect(alice?.slice(0, 1000)).toBe(bob?.slice(0, 1000));
    for (let round = 0; round < 2; round += 1) {
      expect((await verify(alice ?? '')).subject).toBe('alice');
      expect((await verify(bob ?? '')).subject).toBe('bob');
    }
  });
});

describe('a token is refused', () => {
  test.each<[string, Fields, Fields]>([
    ['of another issuer', { iss: 'https://other.example' }, {}],
    ['for another audience', { aud: 'other' }, {}],
    ['without an audience', { aud: undefined }, {}],
    ['without an end', { exp: undefined }, {}],
    ['that is not valid yet', { nbf: NOW_SECONDS + 60 }, {}],
    ['without a user', { sub: undefined }, {}],
    ['of an empty user', { sub: '' }, {}],
    ['bound to a key (RFC 7800)', { cnf: { jkt: 'x' } }, {}],
    ['made as proof of possession', {}, { typ: 'dpop+jwt' }],
    ['made for logging out', {}, { typ: 'logout+jwt' }],
    ['with a key id that nobody knows', {}, { kid: 'unknown' }],
  ])('%s', async (_what, claims, header) => {
    expect(await refusal(claims, header)).toBe('token_invalid');
  });

  test('after its end, to the second', async () => {
    expect(await refusal({ exp: NOW_SECONDS })).toBe('token_expired');
    expect(await refusal({ exp: NOW_SECONDS - 3600 })).toBe('token_expired');
    expect(await refusal({ exp: NOW_SECONDS + 1 })).toBe('let in');
  });

  test.each(['', 'a', 'a.b', 'a.b.c', '..', 'é.é.é', 'x'.repeat(8193)])('that is no token', async (token) => {
    await expect(create().verify(token)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  test('that signed itself: none, HMAC, another key under a known id, a changed payload', async () => {
    const { verify } = create();
    const token = await signToken(key);
    const [head = '', payload = '', signature = ''] = token.split('.');
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const stranger = await newKey();
    const forged = [
      `${encode({ alg: 'none' })}.${payload}.`,
      `${encode({ alg: 'none', kid: key.kid })}.${payload}.${signature}`,
      await new SignJWT({ sub: 'alice', iss: ISSUER, aud: AUDIENCE, exp: NOW_SECONDS + 60 })
        .setProtectedHeader({ alg: 'HS256', kid: key.kid })
        .sign(Buffer.from(String(key.publicJwk.x).padEnd(32))),
      await signToken(stranger, {}, { kid: key.kid }),
      `${head}.${encode({ iss: ISSUER, aud: AUDIENCE, sub: 'root', exp: NOW_SECONDS + 60 })}.${signature}`,
    ];
    for (const each of forged) await expect(verify(each)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  test('with a critical extension that nobody here understands', async () => {
    const token = await new SignJWT({ sub: 'alice', iss: ISSUER, aud: AUDIENCE, exp: NOW_SECONDS + 60 })
      .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, crit: ['limit'], limit: 1 })
      .sign(key.privateKey, { crit: { limit: true } });
    await expect(create().verify(token)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  test('of an algorithm that the configuration does not name', async () => {
    const { verify } = create({ algorithms: ['ES256'] });
    await expect(verify(await signToken(key))).rejects.toMatchObject({ code: 'token_invalid' });
  });
});
