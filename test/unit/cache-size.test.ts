import { expect, test } from 'vitest';
import { cacheGrowth } from '../support/cache-growth.ts';

const MIB = 2 ** 20;
const MAX_BYTES = 32 * MIB;

/** What comes and goes in any process. */
const NOISE_BYTES = MIB / 2;

test.each([
  ['of 300 bytes', 300],
  ['of 750 bytes', 750],
  ['of 20,000 bytes', 20_000],
  ['that the upstream does not know', 0],
])('memory grows by no more than the bound, whatever comes: projects %s', async (_which, bodyBytes) => {
  const projects = Math.ceil((2 * MAX_BYTES) / Math.max(bodyBytes + 100, 250));
  const growth = await cacheGrowth({ maxBytes: MAX_BYTES, bodyBytes, projects });
  expect(growth.entries).toBeLessThan(projects);
  expect(growth.bytes).toBeLessThanOrEqual(MAX_BYTES);
  expect(growth.managedBytes).toBeLessThanOrEqual(MAX_BYTES + NOISE_BYTES);
});

test('a project of 750 bytes takes no more than 1.3 times as much memory', async () => {
  const growth = await cacheGrowth({ maxBytes: MAX_BYTES, bodyBytes: 750, projects: 60_000 });
  // Full, so that every byte that is set aside is one that is made use of.
  expect(growth.entries).toBeLessThan(60_000);
  expect(growth.managedBytes / growth.entries).toBeLessThanOrEqual(1.3 * 750);
});
