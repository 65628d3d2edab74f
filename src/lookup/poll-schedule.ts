/** How often an unfinished project is asked for while somebody watches it. */
export interface PollPolicy {
  /** At first. */
  readonly minIntervalMs: number;
  /** In the end. */
  readonly maxIntervalMs: number;
}

/** News is never later than a tenth of the time that it took to come; so a long video is not asked for like a quick image. */
const SHARE_OF_AGE = 0.1;
/** Doubling more often than this only leads to the longest interval. */
const MAX_DOUBLINGS = 10;

/**
 * Milliseconds between two polls of a project.
 *
 * @param ageMs how long the project has been watched
 * @param failures polls in a row that brought no answer; each doubles the interval
 */
export function pollIntervalMs(ageMs: number, failures: number, policy: PollPolicy): number {
  const { minIntervalMs, maxIntervalMs } = policy;
  const byAgeMs = Math.max(minIntervalMs, ageMs * SHARE_OF_AGE);
  return Math.min(maxIntervalMs, byAgeMs * 2 ** Math.min(failures, MAX_DOUBLINGS));
}
