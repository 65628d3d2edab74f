import type { AccessPolicy } from '../access/access-policy.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import type { LeakGuard } from '../leak-guard.ts';
import { isFresh } from '../lookup/answer.ts';
import type { Lookup } from '../lookup/lookup.ts';
import type { Clock } from '../lookup/ports.ts';
import { KINDS, type Kind, PROJECT_ID } from '../lookup/project.ts';
import { answerHeaders } from './answer-headers.ts';
import { bearerToken } from './authenticate.ts';
import { matchesEtag } from './conditional.ts';
import type { CorsHeaders } from './cross-origin.ts';
import { addressKey, type Limiter } from './limit.ts';
import { addLimitHeaders } from './limit-headers.ts';
import type { NotFoundLimiter } from './limit-not-found.ts';
import { type HttpEvents, observeRequest } from './observe.ts';
import { isRunning, type RefusalGate } from './refusal-gate.ts';
import { isPlain } from './refuse-malformed.ts';
import { type Handler, requestIdOf, traceparentOf } from './request-context.ts';
import { send } from './respond.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import type { UpstreamCosts } from './upstream-costs.ts';
import type { UserLimits } from './user-limits.ts';

export interface FastLaneDependencies {
  readonly lookup: Pick<Lookup, 'findHeld' | 'serveHeld'>;
  readonly verifier: Pick<TokenVerifier, 'recall'>;
  readonly accessPolicy: Pick<AccessPolicy, 'allowsAtOnce'>;
  readonly limitByAddress: Limiter;
  readonly limitByUser: UserLimits;
  readonly upstreamCosts: Pick<UpstreamCosts, 'standing'> | undefined;
  readonly limitNotFound: Pick<NotFoundLimiter, 'hasRoom'>;
  readonly corsHeaders: CorsHeaders;
  readonly events: HttpEvents;
  readonly clock: Clock;
  readonly draining: RefusalGate;
  readonly leakGuard: LeakGuard;
}

/**
 * Answers the lookups of which there are the most in one go: of a project that memory holds, by a user whose token was
 * verified a moment ago and who is far from every limit. It asks what the pipeline asks, in the same order and by the same
 * functions; where one of them is not certain at once, nothing has been counted or told, and the pipeline decides.
 * (`test/e2e/fast-lane.test.ts` holds the two against each other.)
 *
 * @param templateOf a kind's route, for logs and metrics
 */
export function fastLane(templateOf: (kind: Kind) => string, deps: FastLaneDependencies): Handler {
  const { lookup, verifier, accessPolicy, limitByAddress, limitByUser, events, clock, leakGuard } = deps;
  /** With no query: what that asks for is more than the usual. */
  const path = new RegExp(`^/v1/(${KINDS.join('|')})-projects/(${PROJECT_ID})$`);
  const kinds = new Map<string, { kind: Kind; route: string }>(
    KINDS.map((kind) => [kind, { kind, route: templateOf(kind) }]),
  );
  const securityHeaders = SECURITY_HEADERS.flat();

  return (req, res, next) => {
    const startedAtMs = performance.now();
    const [, named = '', id] = path.exec(req.url) ?? [];
    const asked = kinds.get(named);
    if (asked === undefined || id === undefined) return next();
    const { kind, route } = asked;
    // A caller who would wait is to be told that this was heard.
    if (req.headers.prefer !== undefined) return next();
    if (req.method !== 'GET' || !isRunning(deps.draining) || !isPlain(req)) return next();
    const address = addressKey(req);
    if (!limitByAddress.hasRoom(address)) return next();
    const token = bearerToken(req);
    const principal = typeof token === 'string' ? verifier.recall(token) : undefined;
    if (principal === undefined || !limitByUser.hasRoom(principal)) return next();
    if (!deps.limitNotFound.hasRoom(principal.userKey)) return next();
    if (!accessPolicy.allowsAtOnce(principal, kind, id)) return next();
    const traceparent = traceparentOf(req.headers);
    const held = lookup.findHeld({ kind, id, minValidSeconds: undefined, traceparent });
    if (held === undefined || leakGuard.finds(held.answer.body)) return next();

    // It is certain: from here on this request is counted, told and answered.
    const nowMs = clock.now();
    const { answer } = held;
    const requestId = requestIdOf(req.headers, leakGuard);
    const lookupMs = performance.now() - startedAtMs;
    const context = { requestId, route, traceparent, principal, result: 'memory_hit', lookupMs } as const;
    observeRequest(events, req, res, startedAtMs, context);
    lookup.serveHeld(kind, held);
    limitByAddress.hit(address);
    const standings = limitByUser.hit(principal);
    const headers = [
      'X-Request-Id',
      requestId,
      ...securityHeaders,
      ...deps.corsHeaders(req.headers.origin),
      ...answerHeaders(answer, held, isFresh(answer, nowMs), nowMs),
    ];
    for (const standing of standings) addLimitHeaders(headers, standing);
    const { upstreamCosts } = deps;
    if (upstreamCosts !== undefined)
      for (const standing of upstreamCosts.standing(principal)) addLimitHeaders(headers, standing);
    if (matchesEtag(req.headers['if-none-match'], answer.etag)) return send(req, res, 304, headers);
    headers.push('Content-Type', 'application/json');
    send(req, res, 200, headers, answer.body);
  };
}
