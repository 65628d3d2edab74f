import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encodeAnswer } from '../../src/cache/answer-codec.ts';
import { createLeakGuard } from '../../src/leak-guard.ts';
import { answer, projectBody } from '../support/builders.ts';
import { EMULATOR_API_KEY } from '../support/magic-hour-emulator.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { sendExactly } from '../support/send-exactly.ts';
import { eventually, startStack } from '../support/stack.ts';

const each = (text: string, format: (hex: string) => string) =>
  [...Buffer.from(text)].map((byte) => format(byte.toString(16))).join('');

const WITHHELD = 'responses_withheld_total';

describe('the last guard', () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const key = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 8,
    maxLength: 80,
  });
  const guardOf = (secret: string) =>
    createLeakGuard(
      () => [secret],
      () => undefined,
    );

  test('finds a key anywhere in a text, as it is and inside base64, hex and percent encoding', () => {
    fc.assert(
      fc.property(key, bytes, bytes, (secret, before, after) => {
        const around = Buffer.concat([before, Buffer.from(secret), after]);
        const guard = guardOf(secret);
        for (const encoding of ['latin1', 'base64', 'base64url', 'hex'] as const) {
          expect(guard.finds(around.toString(encoding)), encoding).toBe(true);
        }
        expect(guard.finds(around)).toBe(true);
        expect(guard.finds(`https://example.com/?q=${encodeURIComponent(secret)}`)).toBe(true);
      }),
    );
  });

  test('finds nothing in what has no key in it', () => {
    fc.assert(
      fc.property(key, (secret) => {
        expect(guardOf(secret).finds(projectBody())).toBe(false);
        expect(guardOf(secret).finds(secret.slice(1))).toBe(secret.slice(1).includes(secret));
      }),
    );
  });

  test('leaves words alone that a short key happens to be', () => {
    expect(guardOf('image').finds('an image')).toBe(false);
  });

  test('follows a key that changes', () => {
    let secret = 'the-first-key';
    const guard = createLeakGuard(
      () => [secret],
      () => undefined,
    );
    expect(guard.finds('…the-second-key…')).toBe(false);
    secret = 'the-second-key';
    expect(guard.finds('…the-second-key…')).toBe(true);
  });

  test('still knows the key before, which is in what was asked for before it changed; not all that ever were', () => {
    let secret = 'the-key-number-0';
    const guard = createLeakGuard(
      () => [secret],
      () => undefined,
    );
    for (let n = 1; n < 12; n += 1) {
      secret = `the-key-number-${n}`;
      expect(guard.finds(`…the-key-number-${n - 1}…`)).toBe(true);
    }
    expect(guard.finds('…the-key-number-0…')).toBe(false);
  });
});

describe('a response that would hold the key', () => {
  test.each([
    ['as it is', EMULATOR_API_KEY],
    ['in base64', Buffer.from(`Bearer ${EMULATOR_API_KEY}`).toString('base64')],
    ['escaped as in JSON', each(EMULATOR_API_KEY, (hex) => `\\u00${hex}`)],
    ['escaped in part, in capitals', EMULATOR_API_KEY.replace('k', '\\u006B').replaceAll('_', '\\u005F')],
    ['with slashes that are escaped', 'mhk/of\\/slashes\\/and/\\"quotes', 'mhk/of/slashes/and/"quotes'],
    ['percent-encoded', each(EMULATOR_API_KEY, (hex) => `%${hex}`)],
    ['percent-encoded in small letters', 'mhk%2fof%2fslashes%2b', 'mhk/of/slashes+'],
  ])('%s is withheld, counted and not kept', async (_how, spelling, key = EMULATOR_API_KEY) => {
    const { emulator, lookup, metric, logs } = await startStack({ emulator: { apiKeys: [key] } });
    const body = projectBody({ id: 'p1', name: '*' })
      .toString()
      .replace('*', () => spelling);
    emulator.respondNext('p1', { body });
    emulator.project('p1', { status: 'complete' });
    const refused = await lookup('p1');
    expect(refused.status).toBe(502);
    expect(refused.json()).toMatchObject({ code: 'upstream_bad_response' });
    expect(await metric(WITHHELD)).toBe(1);
    expect(logs().join()).not.toContain(EMULATOR_API_KEY);
    const next = await lookup('p1');
    expect(next.status).toBe(200);
    expect(next.headers.get('cache-status')).toContain('fwd=uri-miss');
  });

  test('is withheld where somebody put it into Redis', async () => {
    const redis = await startRedisServer();
    onTestFinished(redis.stop);
    const { lookup, metric } = await startStack({ env: { REDIS_URL: redis.url } });
    await eventually(async () => (await metric('redis_up')) === 1);
    const nowMs = Date.now();
    const poisoned = answer(
      { id: 'p1', name: EMULATOR_API_KEY },
      { fetchedAtMs: nowMs, freshUntilMs: nowMs + 60_000 },
    );
    await redis.command('SET', 'mhbff:v1:{image:p1}', encodeAnswer(poisoned).toString('latin1'));
    expect((await lookup('p1')).status).toBe(502);
    expect(await metric(WITHHELD)).toBe(1);
  });

  test('is withheld from the page on the ops listener where somebody put it into a setting that is shown there', async () => {
    const misplaced = 'mhk-misplaced-7c21.example';
    const { service, metric } = await startStack({
      env: { MAGIC_HOUR_API_KEY: misplaced, MAGIC_HOUR_BASE_URL: `http://${misplaced}` },
    });
    const page = await sendExactly(service.opsUrl, '/', []);
    expect(page.status).toBe(502);
    expect(`${page.body}${[...page.headers]}`).not.toContain(misplaced);
    expect(await metric(WITHHELD)).toBe(1);
  });

  test('does not come about by a caller who sends the key as its request id', async () => {
    const { lookup, logs } = await startStack();
    const response = await lookup('complete-1', { headers: { 'x-request-id': EMULATOR_API_KEY } });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-request-id')).not.toContain(EMULATOR_API_KEY);
    expect(logs().join()).not.toContain(EMULATOR_API_KEY);
  });
});
