import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AttemptFailure, retryAfterMs, toHttpError } from '../../src/upstream/failure.ts';
import { NOW_MS } from '../support/builders.ts';

const rubbish = fc.oneof(
  fc.string(),
  fc.string().map((text) => `${text} GMT`),
  fc.integer().map(String),
  fc.double().map(String),
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
);

test('whatever the upstream sends as Retry-After, it is a time to wait or nothing', () => {
  fc.assert(
    fc.property(rubbish, (value) => {
      const ms = retryAfterMs(value, NOW_MS);
      if (ms !== undefined) {
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(ms)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test('seconds and dates mean the same moment', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), (seconds) => {
      const date = new Date(NOW_MS + seconds * 1000).toUTCString();
      expect(retryAfterMs(String(seconds), NOW_MS)).toBe(seconds * 1000);
      expect(retryAfterMs(date, NOW_MS)).toBe(seconds * 1000);
    }),
  );
});

test('a caller is told whole seconds, at least one and never sooner than the upstream asked', () => {
  fc.assert(
    fc.property(fc.option(rubbish, { nil: undefined }), (value) => {
      const afterMs = retryAfterMs(value, NOW_MS);
      const failure = new AttemptFailure('too_many_requests', {
        retryAfterMs: afterMs,
        retryable: false,
        reason: 'status 429',
      });
      const { retryAfterSeconds = 0 } = toHttpError(failure, 2);
      expect(Number.isSafeInteger(retryAfterSeconds)).toBe(true);
      expect(retryAfterSeconds).toBeGreaterThanOrEqual(Math.max(1, (afterMs ?? 0) / 1000));
    }),
  );
});
