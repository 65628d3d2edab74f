import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPrincipal } from '../../src/auth/principal.ts';
import { createTokenJudge } from '../../src/auth/token-judge.ts';
import { startStack } from '../support/stack.ts';
import { AUDIENCE, createFakeIssuer, ISSUER, newKey, signToken, verifierOf } from '../support/user-tokens.ts';

const PATH = '/v1/image-projects/complete-1';

const userKeyOf = (issuer: string, subject: string) =>
  createPrincipal({ issuer, subject, tenant: undefined, scopes: [], expiresAtMs: 0 }).userKey;

describe('two users', () => {
  test('whose tokens share their first thousands of characters have each their own limit', async () => {
    const { issuer, client } = await startStack({
      env: { RATE_LIMIT_MAX: '3', AUTH_USER_CLAIM: 'email' },
    });
    const iat = Math.floor(Date.now() / 1000);
    const times = { iat, exp: iat + 600 };
    // The last of the claims tells them apart.
    const tokens = await Promise.all(
      ['alice', 'bob'].map((email) => issuer.token({ ...times, padding: 'x'.repeat(3000), email })),
    );
    const [alice = '', bob = ''] = tokens;
    expect(alice.slice(0, 4000)).toBe(bob.slice(0, 4000));
    const statuses = async (token: string, n: number) => {
      const seen: number[] = [];
      for (let at = 0; at < n; at += 1) {
        const headers = { authorization: `Bearer ${token}` };
        seen.push((await client.request(PATH, { headers })).status);
      }
      return seen;
    };
    expect(await statuses(alice, 4)).toEqual([200, 200, 200, 429]);
    expect(await statuses(bob, 4)).toEqual([200, 200, 200, 429]);
  });

  test.each([
    ['in another case', 'alice', 'Alice'],
    ['composed and decomposed', 'andr\u00e9', 'andre\u0301'],
    ['with a space', 'alice', 'alice '],
    ['with a NUL', 'alice', 'alice\0'],
    ['with a zero-width space', 'alice', 'alice\u200b'],
    ['in another script', 'alice', '\u0430lice'],
    ['as a number and its digits with a zero', '1', '01'],
  ])('whose names look the same, %s, have each their own limit', async (_how, first, second) => {
    const { issuer, client } = await startStack({ env: { RATE_LIMIT_MAX: '1' } });
    const ask = async (sub: string) => {
      const authorization = `Bearer ${await issuer.token({ sub })}`;
      return (await client.request(PATH, { headers: { authorization } })).status;
    };
    expect([await ask(first), await ask(second), await ask(first), await ask(second)]).toEqual([
      200, 200, 429, 429,
    ]);
  });

  test('have one identity only where issuer and subject are both the same, however they run into each other', () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '"', '\\'), maxLength: 2 });
    const between = fc.constantFrom('', '|', ':', ',', '","', '\\', '\0', ' ', '/', '#');
    fc.assert(
      fc.property(part, part, part, between, (first, middle, last, separator) => {
        // Joined by the separator, the two are the same text.
        const [issuer, subject] = [first + separator + middle, last];
        const [otherIssuer, otherSubject] = [first, middle + separator + last];
        const same = issuer === otherIssuer && subject === otherSubject;
        expect(userKeyOf(issuer, subject) === userKeyOf(otherIssuer, otherSubject)).toBe(same);
        const all = [
          userKeyOf(issuer, subject),
          userKeyOf(`${issuer}/`, subject),
          userKeyOf(issuer, `${subject}/`),
        ];
        expect(new Set(all).size).toBe(3);
      }),
      { numRuns: 5000 },
    );
  });

  test('are each remembered as themselves, whatever their tokens say besides and however alike they are', async () => {
    const key = await newKey();
    const { keys, clock } = createFakeIssuer([key]);
    const rules = {
      issuer: ISSUER,
      audience: AUDIENCE,
      algorithms: ['EdDSA'],
      userClaim: 'sub',
      mayAssignOwners: true,
    };
    const verifier = verifierOf(
      createTokenJudge(keys, { ...rules, tenantClaim: 'org', requiredScope: undefined }, clock),
      clock,
    );
    // Any UTF-16, unpaired surrogates too; few characters and a common beginning, so that alike names are frequent.
    const unit = fc.constantFrom('a', 'A', '\u00e9', 'e', '\u0301', ' ', '\0', '"', '\\', '\ud800', '\udc00');
    const claims = fc.record({
      sub: fc.string({ unit, minLength: 1, maxLength: 3 }).map((end) => `${'a'.repeat(300)}${end}`),
      org: fc.string({ unit, minLength: 1, maxLength: 1 }),
      jti: fc.integer({ min: 0, max: 3 }),
    });
    const property = fc.asyncProperty(claims, claims, async (first, second) => {
      const pair = [first, second];
      const tokens = await Promise.all(pair.map((each) => signToken(key, each)));
      const judged = await Promise.all(tokens.map((token) => verifier.verify(token)));
      expect(judged.map(({ subject, tenant }) => [subject, tenant])).toEqual(
        pair.map(({ sub, org }) => [sub, org]),
      );
      expect(new Set(judged.map(({ userKey }) => userKey)).size).toBe(
        new Set(pair.map(({ sub }) => sub)).size,
      );
      // Now they come out of memory, which answers at once.
      expect(tokens.map((token) => verifier.verify(token))).toEqual(judged);
    });
    await fc.assert(property, { numRuns: 1000 });
  });
});
