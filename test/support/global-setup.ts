import { findRedisServer } from './redis-binary.ts';

/** Vitest's global setup: what the tests need and may have to be installed is there before the first of them starts. */
export default async function setup(): Promise<void> {
  await findRedisServer();
}
