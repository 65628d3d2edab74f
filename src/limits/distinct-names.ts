import { LRUCache } from 'lru-cache';
import type { Clock } from '../lookup/ports.ts';

export interface DistinctCount {
  /** Different names in the present window, this one included; no more than one over the limit. */
  readonly count: number;
  /** Whether this name is among them for the first time. */
  readonly added: boolean;
  /** Unix milliseconds. */
  readonly endsAtMs: number;
}

/** Counts what different names a key comes with, in windows that begin with its first. */
export interface DistinctNames {
  add(key: string, name: string): Promise<DistinctCount>;
}

interface Tally {
  readonly names: Set<string>;
  readonly endsAtMs: number;
}

/** Of all keys together; the keys least recently seen go first. */
const MAX_NAMES = 200_000;

/**
 * Counts in this process alone.
 *
 * @param options.weight what each name counts for: the number of processes that each count by themselves
 */
export function createLocalDistinctNames(options: {
  readonly max: number;
  readonly windowMs: number;
  readonly weight: number;
  readonly clock: Clock;
}): DistinctNames {
  const { max, windowMs, weight, clock } = options;
  const tallies = new LRUCache<string, Tally>({
    maxSize: MAX_NAMES,
    sizeCalculation: ({ names }) => names.size,
  });
  return {
    async add(key, name) {
      const present = tallies.get(key);
      const tally =
        present !== undefined && present.endsAtMs > clock.now()
          ? present
          : { names: new Set<string>(), endsAtMs: clock.now() + windowMs };
      const added = !tally.names.has(name) && tally.names.size * weight <= max;
      if (added) {
        tally.names.add(name);
        tallies.set(key, tally);
      }
      return { count: Math.min(tally.names.size * weight, max + 1), added, endsAtMs: tally.endsAtMs };
    },
  };
}
