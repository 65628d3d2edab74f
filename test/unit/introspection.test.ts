import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createIntrospection, type IntrospectionResult } from '../../src/auth/introspection.ts';
import { NOW_MS } from '../support/builders.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { verifierOf } from '../support/user-tokens.ts';

type Fields = Readonly<Record<string, unknown>>;

const NOW_SECONDS = NOW_MS / 1000;
const RULES = {
  issuer: 'https://issuer.example',
  audience: 'bff',
  userClaim: 'sub',
  mayAssignOwners: true,
  tenantClaim: 'org',
  requiredScope: undefined,
};
const GOOD = { active: true, aud: 'bff', sub: 'alice', exp: NOW_SECONDS + 3600, scope: 'a b', org: 'acme' };

function create(options: { readonly cacheSeconds?: number; readonly requiredScope?: string } = {}) {
  const { cacheSeconds = 30, requiredScope } = options;
  const clock = createManualClock(NOW_MS);
  const asked: string[] = [];
  const results: IntrospectionResult[] = [];
  const said = new Map<string, unknown>([['good', GOOD]]);
  let away = false;
  let held = Promise.resolve();
  const judge = createIntrospection({
    async ask(token) {
      asked.push(token);
      await held;
      if (away) throw new Error('the issuer is away');
      return said.has(token) ? said.get(token) : { active: false };
    },
    rules: { ...RULES, requiredScope },
    cacheSeconds,
    clock,
    events: {
      introspected: (result) => results.push(result),
      introspectionFailed: () => undefined,
      introspectionAnswered: () => undefined,
    },
  });
  const verifier = verifierOf(judge, clock);
  return {
    clock,
    asked,
    results,
    said,
    verifier,
    verify: async (token: string) => verifier.verify(token),
    codeOf: async (token: string): Promise<string> => {
      try {
        await verifier.verify(token);
        return 'let in';
      } catch (error) {
        return String(Object(error).code);
      }
    },
    goAway(isAway = true) {
      away = isAway;
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
  };
}

async function codeOfAnswer(answer: unknown, options = {}): Promise<string> {
  const world = create(options);
  world.said.set('token', answer);
  return world.codeOf('token');
}

describe('an opaque token', () => {
  test('speaks for the user that its issuer names, with tenant and scopes', async () => {
    const principal = await create().verify('good');
    expect(principal).toMatchObject({ issuer: RULES.issuer, subject: 'alice', tenant: 'acme' });
    expect([...principal.scopes]).toEqual(['a', 'b']);
    expect(principal.expiresAtMs).toBe((NOW_SECONDS + 3600) * 1000);
  });

  test.each<[string, Fields, string]>([
    ['is not active', { active: false }, 'token_invalid'],
    ['is of another issuer', { iss: 'https://other.example' }, 'token_invalid'],
    ['is for another audience', { aud: 'other' }, 'token_invalid'],
    ['is for others', { aud: ['other', 'another'] }, 'token_invalid'],
    ['is for something that is not ours but for its case', { aud: 'BFF' }, 'token_invalid'],
    ['is for nobody', { aud: undefined }, 'token_invalid'],
    ['has no end', { exp: undefined }, 'token_invalid'],
    ['has an end that is no number', { exp: '9999999999' }, 'token_invalid'],
    ['has an end that no date can tell', { exp: 1e300 }, 'token_invalid'],
    ['is over, whatever else is said', { exp: NOW_SECONDS }, 'token_expired'],
    ['is not valid yet', { nbf: NOW_SECONDS + 60 }, 'token_invalid'],
    ['was issued in the future', { iat: NOW_SECONDS + 3600 }, 'token_invalid'],
    ['names no user', { sub: undefined }, 'token_invalid'],
    ['names an empty user', { sub: '' }, 'token_invalid'],
    ['names a user that is no text', { sub: 7 }, 'token_invalid'],
    ['is of another type', { token_type: 'mac' }, 'token_invalid'],
    ['is for refreshing', { token_use: 'refresh_token' }, 'token_invalid'],
    ['is bound to a certificate', { cnf: { 'x5t#S256': 'x' } }, 'token_invalid'],
    ['is good', {}, 'let in'],
    ['is good for others, too', { aud: ['other', 'bff'] }, 'let in'],
    ['is of the issuer that was asked', { iss: RULES.issuer }, 'let in'],
    ['is of a type in capitals', { token_type: 'BEARER' }, 'let in'],
    ['is valid by a clock that is a little ahead', { nbf: NOW_SECONDS + 3 }, 'let in'],
  ])('that %s', async (_what, said, expected) => {
    expect(await codeOfAnswer({ ...GOOD, ...said })).toBe(expected);
  });

  test('needs the scope that is required', async () => {
    expect(await codeOfAnswer(GOOD, { requiredScope: 'b' })).toBe('let in');
    expect(await codeOfAnswer(GOOD, { requiredScope: 'c' })).toBe('insufficient_scope');
    expect(await codeOfAnswer({ ...GOOD, scope: undefined }, { requiredScope: 'a' })).toBe(
      'insufficient_scope',
    );
  });

  test('that is no token by its spelling costs no question', async () => {
    const { codeOf, asked } = create();
    for (const token of ['', ' ', 'a b', 'é', 'a\n', '=', 'a=b', '"a"', 'x'.repeat(8193)]) {
      expect(await codeOf(token)).toBe('token_invalid');
    }
    expect(asked).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['true', true],
    ['no word on the token', {}],
    ['active as a text', { ...GOOD, active: 'true' }],
    ['active as a number', { ...GOOD, active: 1 }],
    ['an audience that is none', { ...GOOD, aud: { bff: true } }],
    ['an issuer that is none', { ...GOOD, iss: [RULES.issuer] }],
    ['a beginning that is no number', { ...GOOD, nbf: '0' }],
  ])('of which its issuer says %s can not be judged: neither entry nor 401', async (_what, answer) => {
    const { said, codeOf } = create();
    said.set('token', answer);
    expect(await codeOf('token')).toBe('authentication_unavailable');
  });
});

describe('what the issuer says', () => {
  test('is believed for as long as the setting says, and not past the end of the token', async () => {
    const { clock, asked, said, verify, verifier } = create();
    said.set('short', { ...GOOD, exp: NOW_SECONDS + 10 });
    await Promise.all([verify('good'), verify('short')]);
    clock.advance(9_999);
    expect(verifier.recall('short')).toBeDefined();
    clock.advance(1);
    expect(verifier.recall('short')).toBeUndefined();
    clock.advance(19_999);
    await verify('good');
    expect(asked).toEqual(['good', 'short']);
    clock.advance(1);
    await verify('good');
    expect(asked).toEqual(['good', 'short', 'good']);
  });

  test('counts no longer once the token is revoked and the time is over', async () => {
    const { clock, said, codeOf } = create();
    expect(await codeOf('good')).toBe('let in');
    said.set('good', { active: false });
    clock.advance(29_999);
    expect(await codeOf('good')).toBe('let in');
    clock.advance(1);
    expect(await codeOf('good')).toBe('token_invalid');
  });

  test('is asked for each time where nothing is to be believed for long', async () => {
    const { asked, said, codeOf } = create({ cacheSeconds: 0 });
    expect(await codeOf('good')).toBe('let in');
    said.set('good', { active: false });
    expect(await codeOf('good')).toBe('token_invalid');
    expect(asked).toEqual(['good', 'good']);
  });

  test('against a token is believed shortly', async () => {
    const { clock, asked, said, codeOf } = create();
    expect(await codeOf('new')).toBe('token_invalid');
    said.set('new', GOOD);
    clock.advance(4_999);
    expect(await codeOf('new')).toBe('token_invalid');
    expect(asked).toEqual(['new']);
    clock.advance(1);
    expect(await codeOf('new')).toBe('let in');
  });

  test('is asked for once, however many ask at one time', async () => {
    const { asked, verify, hold } = create();
    const letGo = hold();
    const all = Promise.all(Array.from({ length: 500 }, () => verify('good')));
    letGo();
    expect(new Set((await all).map(({ subject }) => subject))).toEqual(new Set(['alice']));
    expect(asked).toEqual(['good']);
  });

  test('is said of each token as a whole, however alike they are and in whatever order they are asked about', async () => {
    const unit = fc.constantFrom('a', 'A', '-', '.', '~');
    const token = fc
      .string({ unit, minLength: 1, maxLength: 3 })
      .map((middle) => `${'a'.repeat(30)}${middle}${'a'.repeat(30)}`);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(token, { maxLength: 8 }), async (tokens) => {
        const { said, verify } = create();
        tokens.forEach((each, index) => {
          said.set(each, { ...GOOD, sub: `user-${index}` });
        });
        for (let round = 0; round < 3; round += 1) {
          const found = await Promise.all(tokens.map(verify));
          expect(found.map(({ subject }) => subject)).toEqual(tokens.map((_each, index) => `user-${index}`));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('an issuer that is away', () => {
  test('is 503 with Retry-After for tokens that it did not affirm a moment ago, and is left alone for a second', async () => {
    const { clock, asked, codeOf, verify, goAway } = create();
    expect(await codeOf('good')).toBe('let in');
    goAway();
    await expect(verify('other')).rejects.toMatchObject({
      code: 'authentication_unavailable',
      status: 503,
      retryAfterSeconds: expect.any(Number),
    });
    expect(await codeOf('another')).toBe('authentication_unavailable');
    expect(asked).toEqual(['good', 'other']);
    expect(await codeOf('good')).toBe('let in');
    clock.advance(30_000);
    expect(await codeOf('good')).toBe('authentication_unavailable');
    goAway(false);
    clock.advance(1000);
    expect(await codeOf('good')).toBe('let in');
  });
});

describe('a flood of made-up tokens', () => {
  test('costs the issuer a hundred questions and twenty a second, and those who were in stay in', async () => {
    const { clock, asked, results, codeOf } = create();
    expect(await codeOf('good')).toBe('let in');
    const codes = new Set<string>();
    for (let n = 0; n < 1000; n += 1) codes.add(await codeOf(`made-up-${n}`));
    expect(codes).toEqual(new Set(['token_invalid', 'authentication_unavailable']));
    expect(asked.length - 1).toBe(100);
    clock.advance(30_000);
    for (let n = 0; n < 1000; n += 1) await codeOf(`made-up-later-${n}`);
    expect(await codeOf('good')).toBe('let in');
    expect(asked.filter((token) => token.startsWith('made-up'))).toHaveLength(200);
    clock.advance(1000);
    for (let n = 0; n < 1000; n += 1) await codeOf(`made-up-again-${n}`);
    expect(asked.filter((token) => token.startsWith('made-up-again'))).toHaveLength(20);
    expect(results.filter((result) => result === 'withheld').length).toBe(3000 - 220);
  });

  test('has no more than thirty-two questions open at one time', async () => {
    const { asked, codeOf, hold } = create();
    const letGo = hold();
    const all = Promise.all(Array.from({ length: 200 }, (_, n) => codeOf(`made-up-${n}`)));
    expect(asked).toHaveLength(32);
    letGo();
    const codes = await all;
    expect(codes.filter((code) => code === 'authentication_unavailable')).toHaveLength(200 - 32);
  });

  test('is none where all tokens are good, however many there are', async () => {
    const { said, codeOf } = create();
    for (let n = 0; n < 1000; n += 1) {
      said.set(`good-${n}`, GOOD);
      expect(await codeOf(`good-${n}`)).toBe('let in');
    }
  });
});
