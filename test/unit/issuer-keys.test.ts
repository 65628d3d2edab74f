import { errors, jwtVerify } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { KeysUnavailableError } from '../../src/auth/issuer-keys.ts';
import { NOW_MS } from '../support/builders.ts';
import type { SigningKey } from '../support/signing-keys.ts';
import { createFakeIssuer, type FakeIssuer, newKey, signToken } from '../support/user-tokens.ts';

let a: SigningKey;
let b: SigningKey;
let byA: string;
let byB: string;

beforeAll(async () => {
  [a, b] = await Promise.all([newKey(), newKey()]);
  const anHour = { exp: NOW_MS / 1000 + 3600 };
  [byA, byB] = await Promise.all([signToken(a, anHour), signToken(b, anHour)]);
});

const verify = ({ keys, clock }: FakeIssuer, token: string) =>
  jwtVerify(token, keys.getKey, { currentDate: new Date(clock.now()) });

/** How often each kind of outcome came out. */
async function outcomes(attempts: ReadonlyArray<Promise<unknown>>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const result of await Promise.allSettled(attempts)) {
    const name = result.status === 'fulfilled' ? 'judged' : result.reason.constructor.name;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at));

describe('keys of an issuer that answers', () => {
  test('are loaded once for any number of first callers', async () => {
    const issuer = createFakeIssuer([a]);
    expect(issuer.keys.available).toBe(false);
    expect(await outcomes(times(50, () => verify(issuer, byA)))).toEqual({ judged: 50 });
    await verify(issuer, byA);
    expect(issuer.loads).toBe(1);
    expect(issuer.keys.available).toBe(true);
  });

  test('are loaded ahead of the first token where that was asked for', async () => {
    const issuer = createFakeIssuer([a]);
    await issuer.keys.warmUp();
    await verify(issuer, byA);
    expect(issuer.loads).toBe(1);
  });

  test('are loaded no more than a handful of times for a thousand made-up key ids', async () => {
    const tokens = await Promise.all(times(1000, (at) => signToken(a, {}, { kid: `made-up-${at}` })));
    for (const inTurn of [true, false]) {
      const issuer = createFakeIssuer([a]);
      await issuer.keys.warmUp();
      if (inTurn) for (const token of tokens) await verify(issuer, token).catch(() => undefined);
      expect(await outcomes(tokens.map((token) => verify(issuer, token)))).toEqual({
        JWKSNoMatchingKey: 1000,
      });
      expect(issuer.loads).toBeLessThanOrEqual(10);
      await verify(issuer, byA);
    }
  });

  test('rotate at once, also right after a load', async () => {
    const issuer = createFakeIssuer([a]);
    await verify(issuer, byA);
    issuer.publish([b]);
    await verify(issuer, byB);
    await expect(verify(issuer, byA)).rejects.toBeInstanceOf(errors.JWKSNoMatchingKey);
  });

  test('rotate soon after a flood of made-up key ids is over', async () => {
    const issuer = createFakeIssuer([a]);
    const madeUp = await signToken(a, {}, { kid: 'made-up' });
    for (let at = 0; at < 100; at += 1) await verify(issuer, madeUp).catch(() => undefined);
    issuer.publish([b]);
    issuer.clock.advance(10_000);
    await verify(issuer, byB);
  });

  test('go after their age when the issuer withdrew them', async () => {
    const issuer = createFakeIssuer([a, b], 600_000);
    await verify(issuer, byA);
    issuer.publish([b]);
    issuer.clock.advance(600_001);
    // The first one after that starts the load and waits for nothing.
    await verify(issuer, byB);
    await expect(verify(issuer, byA)).rejects.toBeInstanceOf(errors.JWKSNoMatchingKey);
    await verify(issuer, byB);
  });
});

describe('keys of an issuer that is away', () => {
  test('are unavailable, and it is not asked again for each token', async () => {
    const issuer = createFakeIssuer(undefined);
    expect(await outcomes(times(500, () => verify(issuer, byA)))).toEqual({ KeysUnavailableError: 500 });
    for (let at = 0; at < 100; at += 1) await verify(issuer, byA).catch(() => undefined);
    expect(issuer.loads).toBe(1);
    expect(issuer.failures).toHaveLength(1);
    expect(issuer.keys.available).toBe(false);
  });

  test('are there as soon as it answers again, after a pause of a second', async () => {
    const issuer = createFakeIssuer(undefined);
    await expect(verify(issuer, byA)).rejects.toBeInstanceOf(KeysUnavailableError);
    issuer.publish([a]);
    issuer.clock.advance(1000);
    await verify(issuer, byA);
    expect(issuer.loads).toBe(2);
  });

  test('stay in force where they are known, however old', async () => {
    const issuer = createFakeIssuer([a]);
    await verify(issuer, byA);
    issuer.publish(undefined);
    for (let hour = 0; hour < 10; hour += 1) {
      issuer.clock.set(issuer.clock.now() + 3_600_000);
      const fresh = await signToken(a, { exp: issuer.clock.now() / 1000 + 60 });
      expect(await outcomes(times(20, () => verify(issuer, fresh)))).toEqual({ judged: 20 });
    }
    expect(issuer.loads).toBeLessThanOrEqual(11);
  });

  test('leave a token with an unknown key unjudged, time after time', async () => {
    const issuer = createFakeIssuer([a]);
    await verify(issuer, byA);
    issuer.publish(undefined);
    for (let second = 0; second < 60; second += 1) {
      expect(await outcomes(times(20, () => verify(issuer, byB)))).toEqual({ KeysUnavailableError: 20 });
      issuer.clock.advance(1000);
    }
    expect(issuer.loads).toBeLessThanOrEqual(15);
    issuer.publish([a, b]);
    issuer.clock.advance(10_000);
    await verify(issuer, byB);
  });
});
