/** The process in which `cache-growth.ts` measures: `node --expose-gc … MAX_BYTES BODY_BYTES PROJECTS`. */
import { createMemoryCache } from '../../src/cache/memory-cache.ts';
import type { Answer } from '../../src/lookup/answer.ts';
import type { CacheGrowth } from './cache-growth.ts';
import { randomProjectId, sizedAnswers } from './sized-project.ts';

const [maxBytes = 0, bodyBytes = 0, projects = 0] = process.argv.slice(2).map(Number);

function answers(): (id: string) => Answer {
  const nowMs = Date.now();
  if (bodyBytes > 0) return sizedAnswers(bodyBytes, nowMs);
  return () => ({ found: false, fetchedAtMs: nowMs, freshUntilMs: nowMs + 5000 });
}

function fill(bytes: number, count: number) {
  const memory = createMemoryCache({ maxBytes: bytes, trustMs: 30_000, clock: Date });
  const answerOf = answers();
  for (let n = 0; n < count; n += 1) {
    const id = randomProjectId();
    memory.write('image', id, answerOf(id));
  }
  return memory;
}

function usage() {
  // What the first leaves to finalizers goes with the second.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  // `external` counts array buffers, too.
  return { managedBytes: heapUsed + external, residentBytes: rss };
}

// So that the code, and the heap's room for garbage, are there before.
fill(100_000, 20_000);
const before = usage();
const memory = fill(maxBytes, projects);
const after = usage();
const growth: CacheGrowth = {
  entries: memory.entries,
  bytes: memory.bytes,
  managedBytes: after.managedBytes - before.managedBytes,
  residentBytes: after.residentBytes - before.residentBytes,
};
process.stdout.write(JSON.stringify(growth));
