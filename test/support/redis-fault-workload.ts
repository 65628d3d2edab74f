import { expect } from 'vitest';
import type { Stack } from './stack.ts';

/** Lookups of many users: by project, in the order in which they are made. */
export interface Workload {
  readonly ids: readonly string[];
  readonly users: readonly string[];
}

/** One in a hundred may take longer than the 99th percentile: five of these. */
const LOOKUPS = 500;
/** As few that a single pause of this machine, which holds up every lookup under way, stays within those. */
const LANES = 3;
/** What a user may do at one replica of two while Redis is away, at a limit of ten. */
const LOOKUPS_PER_USER = 5;

let workloads = 0;

/**
 * A quarter each of projects that the first replica holds in memory, that only the second has put in Redis, that
 * nobody has looked up, and that are not finished.
 */
export async function workload({ first, second }: { first: Stack; second: Stack }): Promise<Workload> {
  workloads += 1;
  const tag = workloads;
  const pending = `pending-${tag}`;
  first.emulator.project(pending, { status: 'queued' });
  const ids = Array.from(
    { length: LOOKUPS },
    (_, n) =>
      [`complete-hot-${tag}`, `complete-cached-${tag}-${n}`, `complete-fresh-${tag}-${n}`, pending][n % 4] ??
      '',
  );
  const users = ids.map((_, n) => `${tag}-${Math.floor(n / LOOKUPS_PER_USER)}`);
  await first.lookup(`complete-hot-${tag}`, { user: `hot-${tag}` });
  const cached = ids.filter((id) => id.startsWith('complete-cached'));
  await inLanes(cached.length, (n) => second.lookup(cached[n] ?? '', { user: `cached-${tag}-${n}` }));
  return { ids, users };
}

/** Makes the lookups, of which none may fail. @returns what each took, in milliseconds */
export async function lookUpAll(replica: Stack, { ids, users }: Workload): Promise<number[]> {
  const tookMs: number[] = [];
  const statuses = new Set<number>();
  await inLanes(ids.length, async (n) => {
    const user = users[n] ?? '';
    const beganMs = performance.now();
    const { status } = await replica.lookup(ids[n] ?? '', { user });
    tookMs.push(performance.now() - beganMs);
    statuses.add(status);
  });
  expect([...statuses]).toEqual([200]);
  return tookMs;
}

export function p99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}

async function inLanes(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  const numbers = Array.from({ length: count }, (_, n) => n).values();
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (const n of numbers) await work(n);
    }),
  );
}
