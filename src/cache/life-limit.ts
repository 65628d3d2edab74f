import type { Answer } from '../lookup/answer.ts';
import { type FreshnessPolicy, freshUntilMs, notFoundUntilMs } from '../lookup/freshness.ts';

/**
 * An answer out of Redis, kept no longer than this process would have kept it had it fetched it itself: how long it lives is
 * what its bytes say, whatever was written beside them.
 */
export function limitLife(answer: Answer, policy: FreshnessPolicy): Answer {
  const { fetchedAtMs } = answer;
  const ownMs = answer.found
    ? // A deleted project's is never put there.
      freshUntilMs({ ...answer, enabled: true }, fetchedAtMs, policy)
    : notFoundUntilMs(fetchedAtMs, policy);
  return answer.freshUntilMs <= ownMs ? answer : { ...answer, freshUntilMs: ownMs };
}
