import { findChromium } from './browser.ts';
import { findPromtool } from './prometheus.ts';
import { findRedisServer } from './redis-binary.ts';

/** Vitest's global setup: what the tests need and may have to be installed is there before the first of them starts. */
export default async function setup(): Promise<void> {
  await findRedisServer();
  // Where one can't be had, the tests that need it fail with what to install; the others go on.
  await Promise.allSettled([findChromium(), findPromtool()]);
}
