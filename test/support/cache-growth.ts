import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const growthSchema = z.object({
  entries: z.int(),
  /** By the tier's own count. */
  bytes: z.int(),
  /** By how much V8's heap, and what it knows of outside of it, are larger after a full collection. */
  managedBytes: z.int(),
  /** By how much more of the process is resident; what the heap keeps free for garbage is in it. */
  residentBytes: z.int(),
});
export type CacheGrowth = z.output<typeof growthSchema>;

const MAIN = fileURLToPath(new URL('cache-growth-main.ts', import.meta.url));

/**
 * By how much a process grows that puts so many different projects into a memory tier, and does nothing else.
 *
 * @param bodyBytes 0 for projects that the upstream doesn't know
 */
export async function cacheGrowth(options: {
  readonly maxBytes: number;
  readonly bodyBytes: number;
  readonly projects: number;
  readonly signal?: AbortSignal;
}): Promise<CacheGrowth> {
  const { maxBytes, bodyBytes, projects, signal } = options;
  const args = ['--expose-gc', MAIN, `${maxBytes}`, `${bodyBytes}`, `${projects}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, { signal });
  return growthSchema.parse(JSON.parse(stdout));
}
