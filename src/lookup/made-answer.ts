import { endingEarlier, type FoundAnswer, foundAnswer } from './answer.ts';
import { type FreshnessPolicy, freshUntilMs } from './freshness.ts';
import type { UpstreamAnswer } from './ports.ts';
import { type Kind, type Project, parseProject } from './project.ts';

export interface MadeAnswer extends Pick<Project, 'id' | 'drift'> {
  readonly answer: FoundAnswer;
}

/**
 * An answer of what the upstream sent about a project, asked or not.
 *
 * @param refreshed see `FoundAnswer`
 * @returns `undefined` where that is not the documented shape
 */
export function madeAnswer(
  kind: Kind,
  { body, dateMs }: Pick<UpstreamAnswer, 'body' | 'dateMs'>,
  nowMs: number,
  policy: FreshnessPolicy,
  refreshed: boolean,
): MadeAnswer | undefined {
  const parsed = parseProject(kind, body);
  if (parsed === undefined) return undefined;
  // A `Date` that is behind may be a cache's on the way, and would only lengthen lives.
  const clockLagMs = Math.max(0, (dateMs ?? nowMs) - nowMs);
  const project = clockLagMs === 0 ? parsed : endingEarlier(parsed, clockLagMs);
  const kept = {
    fetchedAtMs: nowMs,
    freshUntilMs: freshUntilMs(project, nowMs, policy),
    refreshed,
    clockLagMs,
  };
  return { id: parsed.id, drift: parsed.drift, answer: foundAnswer(body, project, kept) };
}
