import { expect, test } from 'vitest';
import { limitLife } from '../../src/cache/life-limit.ts';
import { answer, DAY_MS, download, isoTime, NOW_MS, POLICY } from '../support/builders.ts';

test.each([
  ['finished', { downloads: [download(isoTime(NOW_MS + 40_000))] }, 10_000],
  ['finished, with a URL that has expired', { downloads: [download(isoTime(NOW_MS - 40_000))] }, -70_000],
  ['in error', { status: 'error', downloads: [] }, 60_000],
  ['under way', { status: 'queued', downloads: [] }, 1000],
  ['of a status that nobody knows', { status: 'paused' }, 0],
])('an answer that is %s lives no longer than this process would keep it', (_what, fields, lifeMs) => {
  const tooLong = answer(fields, { freshUntilMs: NOW_MS + 7 * DAY_MS });
  expect(limitLife(tooLong, POLICY)).toEqual({ ...tooLong, freshUntilMs: NOW_MS + lifeMs });
});

test('an answer that says "unknown project" lives no longer than this process would keep it', () => {
  const tooLong = { found: false, fetchedAtMs: NOW_MS, freshUntilMs: NOW_MS + DAY_MS } as const;
  expect(limitLife(tooLong, POLICY).freshUntilMs).toBe(NOW_MS + 5000);
});

test('an answer that lives shorter is left as it is', () => {
  const shorter = answer({}, { freshUntilMs: NOW_MS + 1 });
  expect(limitLife(shorter, POLICY)).toBe(shorter);
});
