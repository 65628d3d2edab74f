import type { Clock } from '../lookup/ports.ts';
import { createLruMap } from '../lru-map.ts';
import type { SharedCounter } from './counter.ts';
import { clientInfo, type LimitStore, MAX_TALLIES, type Standing, unsupported } from './limit-store.ts';

/** What one replica knows of one key's hits in the present window. */
interface Tally {
  /** Unix milliseconds. */
  endsAtMs: number;
  /** Hits of all replicas, as of the last settlement. */
  known: number;
  /** Our hits since then: not yet sent, and sent but not yet confirmed. */
  pending: number;
  inFlight: number;
  /** Our hits that could not be settled, since the shared counter was away. */
  away: number;
}

export interface SettlingStoreOptions {
  readonly count: SharedCounter;
  /** Hits in a window. */
  readonly max: number;
  readonly windowMs: number;
  /** Replicas that run. */
  readonly replicas: number;
  readonly clock: Clock;
}

/** All replicas together may be this share of the limit behind what was really counted. */
const UNSETTLED_SHARE = 0.05;
/** Over this share of the limit every hit is settled before it is let on. */
const TRUSTED_SHARE = 0.5;

/**
 * A store for express-rate-limit that counts in this process while the limit is far, and settles with a shared counter
 * now and then; near the limit it asks the shared counter about every hit. So far from its limit a caller waits for no
 * round trip, and callers that nobody knows yet cost none.
 *
 * - Nobody is refused before all replicas together have let `max` hits through.
 * - All replicas together let at most `max` × 1.05 through, in any interleaving; below a limit of 20 × replicas exactly `max`.
 *   (`test/property/limits.property.test.ts`.)
 * - While the shared counter is away each replica lets `max ÷ replicas` through, counted from when it went.
 */
export function createSettlingStore(options: SettlingStoreOptions): LimitStore {
  const { count, max, windowMs, replicas, clock } = options;
  const maxUnsettled = Math.floor((max * UNSETTLED_SHARE) / replicas);
  const maxTrusted = max * TRUSTED_SHARE;
  // Those that are dropped are read from the shared counter again.
  const tallies = createLruMap<Tally>(MAX_TALLIES);

  function tallyOf(key: string, nowMs: number): Tally {
    const present = tallies.get(key);
    if (present !== undefined && present.endsAtMs > nowMs) return present;
    const next = { endsAtMs: nowMs + windowMs, known: 0, pending: 0, inFlight: 0, away: 0 };
    tallies.set(key, next);
    return next;
  }

  /** Sends what is pending. @returns the count with it, by the shared counter or by our own share */
  async function settle(key: string, tally: Tally): Promise<Standing> {
    const hits = tally.pending;
    tally.pending = 0;
    tally.inFlight += hits;
    try {
      const { totalHits, windowLeftMs } = await count(key, hits, tally.endsAtMs - clock.now());
      tally.known = Math.max(tally.known, totalHits);
      tally.endsAtMs = clock.now() + windowLeftMs;
      return { totalHits, endsAtMs: tally.endsAtMs };
    } catch {
      tally.away += hits;
      return { totalHits: tally.away * replicas, endsAtMs: tally.endsAtMs };
    } finally {
      tally.inFlight -= hits;
    }
  }

  /** Whether one more hit can wait to be settled. */
  function isTrusted({ known, pending, inFlight, away }: Tally): boolean {
    const unsettled = pending + inFlight + 1;
    return known + unsettled <= maxTrusted && unsettled <= maxUnsettled && away === 0;
  }

  function hit(key: string): Standing {
    const tally = tallyOf(key, clock.now());
    tally.pending += 1;
    const totalHits = tally.known + tally.pending + tally.inFlight;
    // Ahead of need, so that a steady caller doesn't wait for it.
    if (tally.inFlight === 0 && tally.pending * 2 > maxUnsettled) void settle(key, tally);
    return { totalHits, endsAtMs: tally.endsAtMs };
  }

  return {
    peek(key) {
      const tally = tallies.get(key);
      if (tally === undefined || tally.endsAtMs <= clock.now())
        return { totalHits: 0, endsAtMs: clock.now() + windowMs };
      const { known, pending, inFlight, away, endsAtMs } = tally;
      return { totalHits: Math.max(known + pending + inFlight, away * replicas), endsAtMs };
    },
    hasRoom: (key) => isTrusted(tallyOf(key, clock.now())),
    hit,
    async increment(key) {
      const tally = tallyOf(key, clock.now());
      // A count only grows until its window ends: who is over stays over, at no further cost.
      if (tally.known > max) return clientInfo({ totalHits: tally.known, endsAtMs: tally.endsAtMs });
      if (isTrusted(tally)) return clientInfo(hit(key));
      tally.pending += 1;
      return clientInfo(await settle(key, tally));
    },
    decrement: unsupported,
    resetKey: unsupported,
  };
}
