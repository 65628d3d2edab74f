import { HttpError } from '../errors.ts';
import type { Answer } from './answer.ts';
import { type FreshnessPolicy, notFoundUntilMs } from './freshness.ts';
import { madeAnswer } from './made-answer.ts';
import type { Clock, LookupEvents, TraceContext, Upstream } from './ports.ts';
import type { Kind } from './project.ts';

/**
 * Asks the upstream and makes an answer of what it says.
 *
 * @param refreshed whether a fresh answer was at hand that did not live long enough for the caller
 * @throws HttpError where there is no answer, or none about the project that was asked for
 */
export type AnswerFetcher = (
  request: TraceContext & { readonly kind: Kind; readonly id: string },
  refreshed: boolean,
) => Promise<Answer>;

export function createAnswerFetcher(dependencies: {
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly policy: FreshnessPolicy;
  readonly events: Pick<LookupEvents, 'contractDrifted'>;
}): AnswerFetcher {
  const { upstream, clock, policy, events } = dependencies;
  return async ({ kind, id, traceparent }, refreshed) => {
    const answered = await upstream.fetchProject(kind, id, { traceparent });
    const nowMs = clock.now();
    if (answered === undefined) {
      return { found: false, fetchedAtMs: nowMs, freshUntilMs: notFoundUntilMs(nowMs, policy) };
    }
    const made = madeAnswer(kind, answered, nowMs, policy, refreshed);
    if (made?.id !== id) {
      answered.hangUp();
      const reason = made === undefined ? 'not the documented shape' : "another project's id";
      throw new HttpError('upstream_bad_response', { reason });
    }
    for (const field of made.drift) events.contractDrifted(field);
    return made.answer;
  };
}
