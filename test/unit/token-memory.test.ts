import { beforeAll, describe, expect, test } from 'vitest';
import { createTokenJudge } from '../../src/auth/token-judge.ts';
import { NOW_MS } from '../support/builders.ts';
import type { SigningKey } from '../support/signing-keys.ts';
import { AUDIENCE, createFakeIssuer, ISSUER, newKey, signToken, verifierOf } from '../support/user-tokens.ts';

let key: SigningKey;
beforeAll(async () => {
  key = await newKey();
});

function create(requiredScope?: string, published: readonly SigningKey[] | undefined = [key]) {
  const issuer = createFakeIssuer(published);
  const rules = {
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithms: ['EdDSA'],
    userClaim: 'sub',
    mayAssignOwners: true,
  };
  const verifier = verifierOf(
    createTokenJudge(issuer.keys, { ...rules, tenantClaim: undefined, requiredScope }, issuer.clock),
    issuer.clock,
  );
  return { issuer, verifier, verify: async (token: string) => verifier.verify(token) };
}

/** Whether the verifier answered out of its memory, which it does at once. */
const remembers = (verifier: ReturnType<typeof create>['verifier'], token: string) => {
  const answered = verifier.verify(token);
  if (!(answered instanceof Promise)) return true;
  answered.catch(() => undefined);
  return false;
};

describe('a verified token', () => {
  test.each(['at+jwt', 'AT+JWT', 'JWT', 'jwt', 'application/at+jwt', undefined])(
    'may be of type %s',
    async (typ) => {
      const token = await signToken(key, {}, { typ });
      await expect(create().verify(token)).resolves.toMatchObject({ subject: 'alice' });
    },
  );

  test('is remembered for sixty seconds and no longer', async () => {
    const { issuer, verifier, verify } = create();
    const token = await signToken(key, { exp: NOW_MS / 1000 + 3600 });
    const principal = await verify(token);
    issuer.clock.advance(59_999);
    expect(verifier.verify(token)).toBe(principal);
    issuer.clock.advance(1);
    expect(remembers(verifier, token)).toBe(false);
  });

  test('is not remembered past its own end', async () => {
    const { issuer, verify, verifier } = create();
    const token = await signToken(key, { exp: NOW_MS / 1000 + 10 });
    await verify(token);
    issuer.clock.advance(9999);
    expect(remembers(verifier, token)).toBe(true);
    issuer.clock.advance(1);
    await expect(verify(token)).rejects.toMatchObject({ code: 'token_expired' });
  });

  test('is believed no longer than it is remembered once its key was withdrawn', async () => {
    const { issuer, verify } = create();
    const token = await signToken(key, { exp: NOW_MS / 1000 + 3600 });
    await verify(token);
    const newer = await newKey();
    issuer.publish([newer]);
    await verify(await signToken(newer));
    issuer.clock.advance(60_000);
    await expect(verify(token)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  test('is remembered while the issuer is away, and judged by the keys that are known', async () => {
    const { issuer, verify } = create();
    const token = await signToken(key);
    await verify(token);
    issuer.publish(undefined);
    issuer.clock.advance(120_000);
    await expect(verify(token)).resolves.toMatchObject({ subject: 'alice' });
  });
});

test('a token is known by the whole of it: one that ends alike is judged by itself', async () => {
  const { verifier, verify } = create();
  const token = await signToken(key);
  await verify(token);
  const foreign = await signToken(key, { sub: 'mallory' });
  for (const alike of [`x${token}`, foreign.slice(0, -40) + token.slice(-40), token.slice(1)]) {
    expect(verifier.recall(alike)).toBeUndefined();
    await expect(verify(alike)).rejects.toMatchObject({ code: 'token_invalid' });
  }
  expect(verifier.recall(token)).toMatchObject({ subject: 'alice' });
});

describe('a token that is not let in', () => {
  test('is not remembered: it counts once it is good', async () => {
    const { issuer, verify } = create();
    const token = await signToken(key, { nbf: NOW_MS / 1000 + 60 });
    await expect(verify(token)).rejects.toMatchObject({ code: 'token_invalid' });
    issuer.clock.advance(60_000);
    await expect(verify(token)).resolves.toMatchObject({ subject: 'alice' });
  });

  test('lacks the scope that is required, which the error names', async () => {
    const { verify } = create('images:read');
    const lacking = { code: 'insufficient_scope', status: 403, scope: 'images:read' };
    for (const scope of ['images:readall', 'images', '', 'IMAGES:READ']) {
      await expect(verify(await signToken(key, { scope }))).rejects.toMatchObject(lacking);
    }
    await expect(verify(await signToken(key, { scope: 'other images:read' }))).resolves.toBeDefined();
    await expect(verify(await signToken(key, { scp: ['images:read'] }))).resolves.toBeDefined();
  });

  test('can not be judged while the keys are away: 503 with Retry-After, neither 401 nor entry', async () => {
    const { issuer } = create();
    issuer.publish(undefined);
    const rules = {
      issuer: ISSUER,
      audience: AUDIENCE,
      algorithms: ['EdDSA'],
      userClaim: 'sub',
      mayAssignOwners: true,
    };
    const all = { ...rules, tenantClaim: undefined, requiredScope: undefined };
    const verifier = verifierOf(createTokenJudge(issuer.keys, all, issuer.clock), issuer.clock);
    await expect(verifier.verify(await signToken(key))).rejects.toMatchObject({
      code: 'authentication_unavailable',
      status: 503,
      retryAfterSeconds: expect.any(Number),
    });
  });
});
