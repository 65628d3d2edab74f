import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pollIntervalMs } from '../../src/lookup/poll-schedule.ts';

const policies = fc
  .tuple(fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 0, max: 600_000 }))
  .map(([minIntervalMs, more]) => ({ minIntervalMs, maxIntervalMs: minIntervalMs + more }));
const ages = fc.double({ min: 0, max: 1e9, noNaN: true });
const failures = fc.nat(10_000);

test('an interval lies within its bounds, and grows with age and failures', () => {
  fc.assert(
    fc.property(policies, ages, ages, failures, failures, (policy, age, more, failed, again) => {
      const intervalMs = pollIntervalMs(age, failed, policy);
      expect(intervalMs).toBeGreaterThanOrEqual(policy.minIntervalMs);
      expect(intervalMs).toBeLessThanOrEqual(policy.maxIntervalMs);
      expect(pollIntervalMs(age + more, failed + again, policy)).toBeGreaterThanOrEqual(intervalMs);
    }),
  );
});

test('news is late by no more than a tenth of the time it took to come, beyond the shortest interval', () => {
  fc.assert(
    fc.property(policies, ages, (policy, age) => {
      expect(pollIntervalMs(age, 0, policy)).toBeLessThanOrEqual(
        Math.max(policy.minIntervalMs, age / 10 + 1e-6),
      );
    }),
  );
});
