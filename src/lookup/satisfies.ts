import type { Answer } from './answer.ts';
import type { LookupRequest } from './found.ts';
import { type FreshnessPolicy, outlives } from './freshness.ts';

/** Whether a fresh answer lives as long as a request needs it to, or no other could be had at the moment. */
export function satisfies(
  answer: Answer,
  { minValidSeconds }: Pick<LookupRequest, 'minValidSeconds'>,
  nowMs: number,
  policy: Pick<FreshnessPolicy, 'pendingTtlMs'>,
): boolean {
  if (!answer.found || minValidSeconds === undefined || outlives(answer, nowMs, minValidSeconds)) return true;
  // The upstream was asked a moment ago for just this reason; asking again at once would bring no more.
  return answer.refreshed && nowMs - answer.fetchedAtMs < policy.pendingTtlMs;
}
