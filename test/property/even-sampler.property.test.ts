import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEvenSampler } from '../../src/even-sampler.ts';

const ratios = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.integer({ min: 1, max: 1000 }).map((n) => 1 / n),
  fc.constantFrom(0, 1),
);

test('of any number in a row a sampler takes its share, give or take one', () => {
  fc.assert(
    fc.property(ratios, fc.nat(2000), fc.nat(5000), (ratio, skipped, n) => {
      const sample = createEvenSampler(ratio);
      for (let i = 0; i < skipped; i++) sample();
      let taken = 0;
      for (let i = 0; i < n; i++) if (sample()) taken += 1;
      expect(Math.abs(taken - n * ratio)).toBeLessThanOrEqual(1 + 1e-9);
      expect(taken).toBeLessThanOrEqual(n);
    }),
    { numRuns: 300 },
  );
});

test('it takes all of them, or none, where that is the share', () => {
  const [all, none] = [createEvenSampler(1), createEvenSampler(0)];
  for (let i = 0; i < 100; i++) expect([all(), none()]).toEqual([true, false]);
});

test('it keeps to its share over ten million', () => {
  const sample = createEvenSampler(0.001);
  let taken = 0;
  for (let i = 0; i < 10_000_000; i++) if (sample()) taken += 1;
  expect(Math.abs(taken - 10_000)).toBeLessThanOrEqual(1);
});
