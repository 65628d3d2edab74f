import { LRUCache } from 'lru-cache';
import type { Clock } from '../lookup/ports.ts';
import { clientInfo, type LimitStore, MAX_TALLIES, unsupported } from './limit-store.ts';

interface Tally {
  totalHits: number;
  readonly endsAtMs: number;
}

/** Counts in this process alone, in windows that begin with a key's first hit. */
export function createLocalStore(options: {
  readonly max: number;
  readonly windowMs: number;
  readonly clock: Clock;
}): LimitStore {
  const { max, windowMs, clock } = options;
  const tallies = new LRUCache<string, Tally>({ max: MAX_TALLIES });

  function tallyOf(key: string): Tally {
    const present = tallies.get(key);
    if (present !== undefined && present.endsAtMs > clock.now()) return present;
    const next = { totalHits: 0, endsAtMs: clock.now() + windowMs };
    tallies.set(key, next);
    return next;
  }

  function hit(key: string): Tally {
    const tally = tallyOf(key);
    tally.totalHits += 1;
    return tally;
  }

  return {
    peek(key) {
      const present = tallies.get(key);
      if (present !== undefined && present.endsAtMs > clock.now()) return present;
      return { totalHits: 0, endsAtMs: clock.now() + windowMs };
    },
    hasRoom: (key) => tallyOf(key).totalHits < max,
    hit,
    increment: (key) => clientInfo(hit(key)),
    decrement: unsupported,
    resetKey: unsupported,
  };
}
