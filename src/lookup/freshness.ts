import type { Project } from './project.ts';

/** How long answers may live; see the settings of the same names. */
export interface FreshnessPolicy {
  readonly expiryMarginSeconds: number;
  readonly terminalTtlSeconds: number;
  readonly pendingTtlMs: number;
  readonly notFoundTtlSeconds: number;
}

/**
 * Magic Hour's download URLs live 24 hours (its documentation), so an `expires_at` beyond that says more about a
 * defect than about the URL; and no answer about a project that can still change should outlive it.
 */
const MAX_TTL_MS = 24 * 60 * 60 * 1000;

/**
 * Until when an answer about a project may be served, in Unix milliseconds. At or before `nowMs` means: don't keep it.
 *
 * - `complete`: a margin before its earliest download ends; where a download doesn't say when it ends, no longer
 *   than other terminal projects.
 * - `error`, `canceled`: a short while, since a refund still changes `credits_charged`.
 * - not terminal: a moment, so that many watchers cost one upstream request.
 * - deleted (`enabled: false`) or of an unknown status: not at all.
 * - whatever lists downloads: never past the margin before the earliest of them ends.
 */
export function freshUntilMs(
  project: Pick<Project, 'enabled' | 'status' | 'terminal' | 'downloadEnds'>,
  nowMs: number,
  policy: FreshnessPolicy,
): number {
  if (!project.enabled || project.status === 'unknown') return nowMs;
  const { earliestMs, allKnown } = project.downloadEnds;
  const endMs = earliestMs === undefined ? undefined : earliestMs - policy.expiryMarginSeconds * 1000;
  const endsByItself = project.status === 'complete' && endMs !== undefined && allKnown;
  const ttlMs = endsByItself
    ? MAX_TTL_MS
    : project.terminal
      ? policy.terminalTtlSeconds * 1000
      : policy.pendingTtlMs;
  return Math.min(nowMs + ttlMs, endMs ?? Number.POSITIVE_INFINITY);
}

/** The same for a project that the upstream doesn't know. */
export function notFoundUntilMs(nowMs: number, policy: FreshnessPolicy): number {
  return nowMs + policy.notFoundTtlSeconds * 1000;
}

/** Whether every download that the project lists lives at least `minValidSeconds` more. */
export function outlives(
  project: Pick<Project, 'downloadEnds'>,
  nowMs: number,
  minValidSeconds: number,
): boolean {
  const { count, earliestMs, allKnown } = project.downloadEnds;
  if (count === 0) return true;
  return allKnown && earliestMs !== undefined && earliestMs - nowMs >= minValidSeconds * 1000;
}
