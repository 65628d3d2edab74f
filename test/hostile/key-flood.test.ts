import { describe, expect, onTestFinished, test } from 'vitest';
import { startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { giveBackSigningKeys, type SigningKey, takeSigningKey } from '../support/signing-keys.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

const FLOOD = 2000;
/** On a machine that is busy with other tests, too. */
const TIMEOUT_MS = 120_000;
/** See issuer-keys.ts: the load at the start, a burst of five, and one more each ten seconds that the flood lasts. */
const maxLoads = (sinceMs: number) => 6 + Math.ceil((performance.now() - sinceMs) / 10_000);

const ask = async ({ client }: Stack, token: string, id = 'complete-1') =>
  client.request(`/v1/image-projects/${id}`, { headers: { authorization: `Bearer ${token}` } });

/** Tokens of seven users under kids that nobody ever heard of; of a kind of key that signs fast. */
async function* madeUp(stack: Stack, count: number): AsyncGenerator<string> {
  const key = await takeSigningKey('EdDSA');
  for (let n = 0; n < count; n += 1) {
    yield stack.issuer.token({ sub: `user-${n % 7}` }, { key, header: { kid: `made-up-${n}` } });
  }
  giveBackSigningKeys([key]);
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
  test('is refused, and has the keys loaded a few times at the most', { timeout: TIMEOUT_MS }, async () => {
    const sinceMs = performance.now();
    const stack = await startWarm();
    expect(await flood(stack)).toEqual({ 401: FLOOD });
    expect(stack.issuer.fetches.jwks).toBeLessThanOrEqual(maxLoads(sinceMs));
    expect(stack.issuer.fetches.discovery).toBeLessThanOrEqual(maxLoads(sinceMs));
    expect(stack.emulator.count()).toBe(1);
  });

  test('locks nobody out whose key is known', { timeout: TIMEOUT_MS }, async () => {
    const stack = await startWarm();
    const flooding = flood(stack);
    for (let n = 0; n < 50; n += 1) {
      expect((await ask(stack, await stack.issuer.token({ sub: `honest-${n}` }))).status).toBe(200);
    }
    expect(await flooding).toEqual({ 401: FLOOD });
  });
});

const OUTAGES: ReadonlyArray<readonly [how: string, begin: (issuer: TokenIssuer) => Promise<void> | void]> = [
  ['refuses connections', (issuer) => issuer.down()],
  ['never answers', (issuer) => issuer.respondWith('hang')],
  ['answers 500', (issuer) => issuer.respondWith('error')],
  ['answers a page', (issuer) => issuer.respondWith('html')],
  ['answers JSON without keys', (issuer) => issuer.respondWith('empty')],
  ['leads elsewhere', (issuer) => issuer.respondWith('redirect')],
  ['never ends its answer', (issuer) => issuer.respondWith('endless')],
];

async function recover(issuer: TokenIssuer, how: string): Promise<void> {
  issuer.respondWith('ok');
  if (how === 'refuses connections') await issuer.up();
}

describe('an issuer that', () => {
  test.each(OUTAGES)(
    '%s lets nobody in by that, and keeps nobody out whose key is known',
    async (how, begin) => {
      const stack = await startWarm();
      const late: SigningKey = await stack.issuer.addKey('RS256');
      const known = await stack.issuer.token({ sub: 'bob' });
      const unjudged = await stack.issuer.token({ sub: 'carol' }, { key: late });
      const forged = await stack.issuer.token({ sub: 'mallory' }, { header: { kid: late.kid } });
      await begin(stack.issuer);
      // The first that asks for a key which is not there finds out how the issuer is.
      const [first, ...others] = await Promise.all(
        [unjudged, forged, known].map((token) => ask(stack, token)),
      );
      expect(first?.status).toBe(503);
      expect(first?.json()).toMatchObject({ code: 'authentication_unavailable' });
      expect(others.map(({ status }) => status)).toEqual([503, 200]);
      expect(await flood(stack, 200)).toEqual({ 503: 200 });
      expect(stack.emulator.count()).toBe(1);

      await recover(stack.issuer, how);
      await eventually(async () => (await ask(stack, unjudged)).status === 200, 15_000);
      expect((await ask(stack, forged)).status).toBe(401);
    },
    TIMEOUT_MS,
  );

  test.each(OUTAGES)(
    '%s from the start lets nobody in until it recovers',
    async (how, begin) => {
      const beside = { emulator: await startMagicHourEmulator(), issuer: await startTokenIssuer() };
      onTestFinished(async () => void (await Promise.all([beside.emulator.close(), beside.issuer.close()])));
      await begin(beside.issuer);
      const stack = await startStack({ beside });
      const good = await stack.issuer.token();
      const forged = await stack.issuer.token({}, { key: await takeSigningKey('EdDSA') });
      const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`;
      const answers = await Promise.all([good, forged].map((token) => ask(stack, token)));
      for (const answer of answers) {
        expect(answer.status).toBe(503);
        expect(answer.json()).toMatchObject({ code: 'authentication_unavailable' });
        expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      }
      // Which no key could make good.
      expect((await ask(stack, unsigned)).status).toBe(401);
      expect(stack.emulator.count()).toBe(0);

      await recover(stack.issuer, how);
      await eventually(async () => (await ask(stack, good)).status === 200, 15_000);
      expect((await ask(stack, forged)).status).toBe(401);
    },
    TIMEOUT_MS,
  );
});
