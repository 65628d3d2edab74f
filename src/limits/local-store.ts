import type { Clock } from '../lookup/ports.ts';
import { createLruMap } from '../lru-map.ts';
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
  const tallies = createLruMap<Tally>(MAX_TALLIES);

  const freshTally = (): Tally => ({ totalHits: 0, endsAtMs: clock.now() + windowMs });

  function presentOf(key: string): Tally | undefined {
    const present = tallies.get(key);
    return present !== undefined && present.endsAtMs > clock.now() ? present : undefined;
  }

  function tallyOf(key: string): Tally {
    const present = presentOf(key);
    if (present !== undefined) return present;
    const next = freshTally();
    tallies.set(key, next);
    return next;
  }

  function hit(key: string): Tally {
    const tally = tallyOf(key);
    tally.totalHits += 1;
    return tally;
  }

  return {
    peek: (key) => presentOf(key) ?? freshTally(),
    hasRoom: (key) => tallyOf(key).totalHits < max,
    hit,
    increment: (key) => clientInfo(hit(key)),
    decrement: unsupported,
    resetKey: unsupported,
  };
}
