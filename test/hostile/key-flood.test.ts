import { describe, expect, test } from 'vitest';
import type { SigningKey } from '../support/signing-keys.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

const FLOOD = 2000;
/** See issuer-keys.ts: a burst of five loads, one more each ten seconds; the first load and one to spare. */
const MAX_LOADS = 8;

const ask = async ({ client }: Stack, token: string, id = 'complete-1') =>
  client.request(`/v1/image-projects/${id}`, { headers: { authorization: `Bearer ${token}` } });

/** Tokens of one key under kids that nobody ever heard of. */
async function* madeUp(stack: Stack, count: number): AsyncGenerator<string> {
  for (let n = 0; n < count; n += 1) {
    yield stack.issuer.token({ sub: `user-${n % 7}` }, { header: { kid: `made-up-${n}` } });
  }
}

/** Sends them all, fifty at a time. @returns how many of each status came back */
async function flood(stack: Stack, count = FLOOD): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  const tokens = madeUp(stack, count);
  const sender = async () => {
    for await (const token of tokens) {
      const { status } = await ask(stack, token);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 50 }, sender));
  return statuses;
}

/** A stack whose keys are known, with a limit for the address that the flood stays below. */
async function startWarm(): Promise<Stack> {
  const stack = await startStack({ env: { RATE_LIMIT_IP_MAX: '1000000' } });
  expect((await ask(stack, await stack.issuer.token())).status).toBe(200);
  return stack;
}

describe('a flood of made-up key ids', () => {
  test('is refused, and has the keys loaded a few times at the most', async () => {
    const stack = await startWarm();
    expect(await flood(stack)).toEqual({ 401: FLOOD });
    expect(stack.issuer.fetches.jwks).toBeLessThanOrEqual(MAX_LOADS);
    expect(stack.issuer.fetches.discovery).toBeLessThanOrEqual(MAX_LOADS);
    expect(stack.emulator.count()).toBe(1);
  });

  test('locks nobody out whose key is known', async () => {
    const stack = await startWarm();
    const flooding = flood(stack);
    for (let n = 0; n < 50; n += 1) {
      expect((await ask(stack, await stack.issuer.token({ sub: `honest-${n}` }))).status).toBe(200);
    }
    expect(await flooding).toEqual({ 401: FLOOD });
  });
});

const OUTAGES: ReadonlyArray<readonly [how: string, begin: (stack: Stack) => Promise<void> | void]> = [
  ['refuses connections', ({ issuer }) => issuer.down()],
  ['never answers', ({ issuer }) => issuer.respondWith('hang')],
  ['answers 500', ({ issuer }) => issuer.respondWith('error')],
  ['answers a page', ({ issuer }) => issuer.respondWith('html')],
  ['answers JSON without keys', ({ issuer }) => issuer.respondWith('empty')],
  ['leads elsewhere', ({ issuer }) => issuer.respondWith('redirect')],
  ['never ends its answer', ({ issuer }) => issuer.respondWith('endless')],
];

describe('an issuer that', () => {
  test.each(OUTAGES)(
    '%s lets nobody in by that, and keeps nobody out whose key is known',
    async (how, begin) => {
      const stack = await startWarm();
      const late: SigningKey = await stack.issuer.addKey('RS256');
      const known = await stack.issuer.token({ sub: 'bob' });
      const unjudged = await stack.issuer.token({ sub: 'carol' }, { key: late });
      const forged = await stack.issuer.token({ sub: 'mallory' }, { header: { kid: late.kid } });
      await begin(stack);
      // The first that asks for a key which is not there finds out how the issuer is.
      const [first, ...others] = await Promise.all(
        [unjudged, forged, known].map((token) => ask(stack, token)),
      );
      expect(first?.status).toBe(503);
      expect(first?.json()).toMatchObject({ code: 'authentication_unavailable' });
      expect(others.map(({ status }) => status)).toEqual([503, 200]);
      expect(await flood(stack, 200)).toEqual({ 503: 200 });
      expect(stack.emulator.count()).toBe(1);

      stack.issuer.respondWith('ok');
      if (how === 'refuses connections') await stack.issuer.up();
      await eventually(async () => (await ask(stack, unjudged)).status === 200, 15_000);
      expect((await ask(stack, forged)).status).toBe(401);
    },
    60_000,
  );
});
