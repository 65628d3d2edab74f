import { hash } from 'node:crypto';
import fc from 'fast-check';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { createProofCheck, judgeProof, PROOF_ALGORITHMS } from '../../src/auth/dpop.ts';
import { createTokenJudge } from '../../src/auth/token-judge.ts';
import { createLocalOnce } from '../../src/cache/once.ts';
import { NOW_MS } from '../support/builders.ts';
import { createDpopKey, type DpopKey } from '../support/dpop-key.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { AUDIENCE, createFakeIssuer, ISSUER, newKey, signToken, verifierOf } from '../support/user-tokens.ts';

type Fields = Readonly<Record<string, unknown>>;

const URL_ASKED = 'https://bff.example/v1/image-projects/p-1';
const TOKEN = 'a.bound.token';
const NOW_SECONDS = NOW_MS / 1000;

let key: DpopKey;
let other: DpopKey;
let rsa: DpopKey;
beforeAll(async () => {
  [key, other, rsa] = await Promise.all([createDpopKey(), createDpopKey(), createDpopKey('RS256')]);
});

const request = { url: URL_ASKED, token: TOKEN, nowMs: NOW_MS };
const judge = (proof: string, asked: Fields = {}, thumbprint = key.thumbprint) =>
  judgeProof({ proof, method: 'GET', url: URL_ASKED, ...asked }, TOKEN, thumbprint, NOW_MS).then(
    () => 'good',
    ({ code, dpop, reason }) => `${code} ${dpop} ${reason}`,
  );
const refusal = (reason: string) => `token_invalid bad_proof DPoP proof: ${reason}`;

describe('a proof', () => {
  test.each(['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256'])('by %s is good', async (algorithm) => {
    const signer = await createDpopKey(algorithm);
    expect(PROOF_ALGORITHMS).toContain(algorithm);
    expect(await judge(await signer.proof(request), {}, signer.thumbprint)).toBe('good');
  });

  test.each<[string, Fields, Fields, string]>([
    // Each single rule of RFC 9449, 4.3, broken alone.
    ['of another type', {}, { typ: 'JWT' }, 'typ'],
    ['of no type', {}, { typ: undefined }, 'typ'],
    ['of the type of an access token', {}, { typ: 'at+jwt' }, 'typ'],
    ['without a key', {}, { jwk: undefined }, 'jwk'],
    ['with a name of a key in its place', {}, { jwk: undefined, kid: 'x' }, 'jwk'],
    ['with a key that is a text', {}, { jwk: 'key' }, 'jwk'],
    ['without an id', { jti: undefined }, {}, 'jti'],
    ['with an empty id', { jti: '' }, {}, 'jti'],
    ['with an id that is a number', { jti: 7 }, {}, 'jti'],
    ['with an id that is too long', { jti: 'x'.repeat(257) }, {}, 'jti'],
    ['without a method', { htm: undefined }, {}, 'htm'],
    ['for another method', { htm: 'POST' }, {}, 'htm'],
    ['for the method in lower case', { htm: 'get' }, {}, 'htm'],
    ['without an address', { htu: undefined }, {}, 'htu'],
    ['for another host', { htu: URL_ASKED.replace('bff', 'evil') }, {}, 'htu'],
    ['for another port', { htu: URL_ASKED.replace('example', 'example:8443') }, {}, 'htu'],
    ['for another scheme', { htu: URL_ASKED.replace('https', 'http') }, {}, 'htu'],
    ['for another path', { htu: `${URL_ASKED}2` }, {}, 'htu'],
    ['for the path in capitals', { htu: URL_ASKED.replace('p-1', 'P-1') }, {}, 'htu'],
    ['for a path with an encoded slash', { htu: URL_ASKED.replace('projects/', 'projects%2F') }, {}, 'htu'],
    ['for a path with a slash more', { htu: `${URL_ASKED}/` }, {}, 'htu'],
    ['for an address with a user', { htu: URL_ASKED.replace('bff', 'u@bff') }, {}, 'htu'],
    ['for an address with backslashes', { htu: URL_ASKED.replace('//', '\\\\') }, {}, 'htu'],
    ['for a path alone', { htu: '/v1/image-projects/p-1' }, {}, 'htu'],
    ['for no web address', { htu: 'urn:x' }, {}, 'htu'],
    ['without a time', { iat: undefined }, {}, 'iat'],
    ['with a time that is a text', { iat: String(NOW_SECONDS) }, {}, 'iat'],
    ['of more than a minute ago', { iat: NOW_SECONDS - 61 }, {}, 'iat'],
    ['of more than ten seconds ahead', { iat: NOW_SECONDS + 11 }, {}, 'iat'],
    ['of milliseconds', { iat: NOW_MS }, {}, 'iat'],
    ['that is over by its own word', { exp: NOW_SECONDS - 1 }, {}, 'unreadable'],
    ['that is not valid yet by its own word', { nbf: NOW_SECONDS + 60 }, {}, 'nbf'],
    ['without the hash of the token', { ath: undefined }, {}, 'ath'],
    ['with the hash of another token', { ath: hash('sha256', 'other', 'base64url') }, {}, 'ath'],
    ['with the hash in hex', { ath: hash('sha256', TOKEN, 'hex') }, {}, 'ath'],
    ['with the hash padded', { ath: `${hash('sha256', TOKEN, 'base64url')}=` }, {}, 'ath'],
  ])('%s is refused', async (_what, claims, header, reason) => {
    const judged = await judge(await key.proof(request, claims, header));
    if (reason === 'unreadable') expect(judged).toMatch(/^token_invalid bad_proof/);
    else expect(judged).toBe(refusal(reason));
  });

  test.each<[string, () => Promise<string> | string]>([
    ['by another key than the token is bound to', () => other.proof(request)],
    [
      "by another key, with the token's in its header",
      () => other.proof(request, {}, { jwk: key.publicJwk }),
    ],
    [
      "by the token's key, with another in its header",
      () => key.proof(request, {}, { jwk: other.publicJwk }),
    ],
    ['with the private key in its header', () => key.proof(request, {}, { jwk: key.privateJwk })],
    [
      'with a part of a private key in its header',
      () => key.proof(request, {}, { jwk: { ...key.publicJwk, d: '' } }),
    ],
    [
      'with a key that is for encryption',
      () => key.proof(request, {}, { jwk: { ...key.publicJwk, use: 'enc' } }),
    ],
    ['with the key of another kind', () => key.proof(request, {}, { jwk: rsa.publicJwk })],
    [
      'signed by the public key as if it were a secret',
      () => {
        const jwk = { kty: 'oct', k: Buffer.alloc(32).toString('base64url') };
        return new SignJWT({ jti: 'a', htm: 'GET', htu: URL_ASKED, iat: NOW_SECONDS })
          .setProtectedHeader({ typ: 'dpop+jwt', alg: 'HS256', jwk })
          .sign(Buffer.alloc(32));
      },
    ],
    [
      'of the algorithm none',
      async () => {
        const [, claims = ''] = (await key.proof(request)).split('.');
        const header = { typ: 'dpop+jwt', alg: 'none', jwk: key.publicJwk };
        return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}.`;
      },
    ],
    [
      'with a signature that was cut',
      async () => {
        const parts = (await key.proof(request)).split('.');
        return [...parts.slice(0, 2), parts[2]?.slice(0, -4)].join('.');
      },
    ],
    [
      'with claims of another proof',
      async () => {
        const [first, second] = await Promise.all([key.proof(request), key.proof(request)]);
        const [header = '', , signature = ''] = first.split('.');
        return [header, second.split('.')[1], signature].join('.');
      },
    ],
    ['with an extension that nobody understands', () => key.proof(request, {}, { crit: ['x'], x: 1 })],
    ['that is longer than any', () => key.proof(request, { padding: 'x'.repeat(4096) })],
    ['that is empty', () => ''],
    ['that is no JWS', () => 'proof'],
    ['that is two', async () => `${await key.proof(request)}, ${await key.proof(request)}`],
    ['that is the token', () => TOKEN],
  ])('%s is refused', async (_what, make) => {
    const proof = await Promise.resolve(make()).catch(() => 'jose signs no such thing');
    expect(proof).not.toBe('jose signs no such thing');
    expect(await judge(proof)).toMatch(/^token_invalid bad_proof DPoP proof: /);
  });

  test('is good for another spelling of the same address (RFC 3986, 6.2)', async () => {
    for (const htu of [
      'HTTPS://BFF.EXAMPLE/v1/image-projects/p-1',
      'https://bff.example:443/v1/image-projects/p-1',
      'https://bff.example/v1/./x/../image-projects/p-1',
      'https://bff.example/v1/%69mage-projects/p%2d1',
      `${URL_ASKED}?min_valid=60#x`,
    ]) {
      expect(await judge(await key.proof({ ...request, url: htu })), htu).toBe('good');
    }
    expect(await judge(await key.proof(request), { url: undefined })).toBe(refusal('htu'));
    expect(await judge(await key.proof(request), { method: 'HEAD' })).toBe(refusal('htm'));
  });

  test('is good for a minute, and ten seconds ahead of time', async () => {
    for (const iat of [NOW_SECONDS - 60, NOW_SECONDS, NOW_SECONDS + 10, NOW_SECONDS + 0.5]) {
      expect(await judge(await key.proof(request, { iat }))).toBe('good');
    }
  });
});

describe('a proof is taken once', () => {
  const create = () => {
    const clock = createManualClock(NOW_MS);
    const check = createProofCheck(createLocalOnce(clock), clock);
    const take = (proof: string) =>
      check({ proof, method: 'GET', url: URL_ASKED }, TOKEN, key.thumbprint).then(
        () => true,
        () => false,
      );
    return { clock, take };
  };

  test('while it is good, and not at all after that', async () => {
    const { clock, take } = create();
    const proof = await key.proof(request);
    expect([await take(proof), await take(proof)]).toEqual([true, false]);
    clock.advance(60_000);
    expect(await take(proof)).toBe(false);
    clock.advance(1000);
    expect(await take(proof)).toBe(false);
    clock.advance(100_000);
    expect(await take(proof)).toBe(false);
  });

  test('by its id: another proof with the same one is no other, and one of another key is', async () => {
    const clock = createManualClock(NOW_MS);
    const check = createProofCheck(createLocalOnce(clock), clock);
    const takes = async (signer: DpopKey, jti: string) =>
      check(
        { proof: await signer.proof(request, { jti }), method: 'GET', url: URL_ASKED },
        TOKEN,
        signer.thumbprint,
      ).then(
        () => true,
        () => false,
      );
    expect(await takes(key, 'a')).toBe(true);
    expect(await takes(key, 'a')).toBe(false);
    expect(await takes(key, 'b')).toBe(true);
    expect(await takes(other, 'a')).toBe(true);
  });

  test('and one that is not good uses nothing up', async () => {
    const { take } = create();
    expect(await take(await key.proof(request, { jti: 'a', htm: 'POST' }))).toBe(false);
    expect(await take(await key.proof(request, { jti: 'a' }))).toBe(true);
  });

  test('whenever it comes, however often, and whatever time has passed', async () => {
    const proofs = await Promise.all(
      Array.from({ length: 5 }, (_, index) => key.proof(request, { iat: NOW_SECONDS + index * 15 })),
    );
    const steps = fc.array(
      fc.record({ proof: fc.nat({ max: proofs.length - 1 }), waitMs: fc.nat({ max: 40_000 }) }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { clock, take } = create();
        const taken = new Set<number>();
        for (const { proof, waitMs } of all) {
          clock.advance(waitMs);
          const ageMs = clock.now() - (NOW_MS + proof * 15_000);
          const isGood = ageMs <= 60_000 && ageMs >= -10_000;
          expect(await take(proofs[proof] ?? '')).toBe(isGood && !taken.has(proof));
          if (isGood) taken.add(proof);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('a token', () => {
  const create = async () => {
    const signer = await newKey();
    const issuer = createFakeIssuer([signer]);
    const rules = {
      issuer: ISSUER,
      audience: AUDIENCE,
      algorithms: ['EdDSA'],
      userClaim: 'sub',
      mayAssignOwners: true,
    };
    const all = { ...rules, tenantClaim: undefined, requiredScope: undefined };
    const verifier = verifierOf(createTokenJudge(issuer.keys, all, issuer.clock), issuer.clock);
    return { verifier, sign: (claims: Fields) => signToken(signer, claims) };
  };
  const possessionFor = async (token: string, signer = key) => ({
    proof: await signer.proof({ ...request, token }),
    method: 'GET',
    url: URL_ASKED,
  });
  const codeOf = async (verify: () => unknown) => {
    try {
      await verify();
      return 'let in';
    } catch (error) {
      const { code, dpop } = Object(error);
      return `${code} ${dpop}`;
    }
  };

  test('that is bound to a key needs a new proof of it each time, remembered or not', async () => {
    const { verifier, sign } = await create();
    const token = await sign({ cnf: { jkt: key.thumbprint } });
    for (let round = 0; round < 3; round += 1) {
      const possession = await possessionFor(token);
      expect(await codeOf(() => verifier.verify(token))).toBe('token_invalid needed');
      expect(await codeOf(() => verifier.verify(token, possession))).toBe('let in');
      expect(await codeOf(() => verifier.verify(token, possession))).toBe('token_invalid bad_proof');
      const foreign = await possessionFor(token, other);
      expect(await codeOf(() => verifier.verify(token, foreign))).toBe('token_invalid bad_proof');
      expect(verifier.recall(token)).toBeUndefined();
    }
  });

  test('that is bound to none is refused with a proof, remembered or not, and let in without', async () => {
    const { verifier, sign } = await create();
    const token = await sign({});
    for (let round = 0; round < 2; round += 1) {
      const possession = await possessionFor(token);
      expect(await codeOf(() => verifier.verify(token, possession))).toBe('token_invalid undefined');
      expect(await codeOf(() => verifier.verify(token))).toBe('let in');
    }
  });

  test.each<[string, unknown]>([
    ['a certificate', { 'x5t#S256': 'x' }],
    ['a key and a certificate', { jkt: 'KEY', 'x5t#S256': 'x' }],
    ['a key by itself', { jwk: {} }],
    ['nothing', {}],
    ['no thumbprint', { jkt: 'x' }],
    ['a list', [{ jkt: 'KEY' }]],
    ['null', null],
    ['a text', 'KEY'],
  ])('that is bound to %s is refused either way', async (_what, cnf) => {
    const { verifier, sign } = await create();
    const token = await sign(JSON.parse(JSON.stringify({ cnf }).replace('KEY', key.thumbprint)));
    const possession = await possessionFor(token);
    expect(await codeOf(() => verifier.verify(token))).toBe('token_invalid undefined');
    expect(await codeOf(() => verifier.verify(token, possession))).toBe('token_invalid undefined');
  });
});
