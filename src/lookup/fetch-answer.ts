import { HttpError } from '../errors.ts';
import { type Answer, endingEarlier, foundAnswer } from './answer.ts';
import { type FreshnessPolicy, freshUntilMs, notFoundUntilMs } from './freshness.ts';
import type { Clock, LookupEvents, TraceContext, Upstream } from './ports.ts';
import { type Kind, parseProject } from './project.ts';

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
    const { body, dateMs = nowMs } = answered;
    const parsed = parseProject(kind, body);
    if (parsed?.id !== id) {
      answered.hangUp();
      const reason = parsed === undefined ? 'not the documented shape' : "another project's id";
      throw new HttpError('upstream_bad_response', { reason });
    }
    for (const field of parsed.drift) events.contractDrifted(field);
    // A `Date` that is behind may be a cache's on the way, and would only lengthen lives.
    const clockLagMs = Math.max(0, dateMs - nowMs);
    const project = clockLagMs === 0 ? parsed : endingEarlier(parsed, clockLagMs);
    const untilMs = freshUntilMs(project, nowMs, policy);
    return foundAnswer(body, project, { fetchedAtMs: nowMs, freshUntilMs: untilMs, refreshed, clockLagMs });
  };
}
