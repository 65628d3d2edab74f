import { ipKeyGenerator, type Options, rateLimit, type Store } from 'express-rate-limit';
import { HttpError } from '../errors.ts';
import type { Handler, RequestContext } from './request-context.ts';

export type LimitPolicy = 'user' | 'ip';

/** Facts about limits, for whoever counts or logs them. */
export interface LimitEvents {
  limitExceeded(policy: LimitPolicy): void;
}

export interface LimiterOptions {
  readonly max: number;
  readonly windowSeconds: number;
  readonly store: Store;
  readonly events: LimitEvents;
}

type KeyGenerator = NonNullable<Options['keyGenerator']>;

/** Limits each client address, before anybody knows who is asking. An IPv6 customer is a /56. */
export function limitByAddress(options: LimiterOptions): Handler {
  // An address is missing only where the connection is gone already.
  return limiter('ip', options, (req) => ipKeyGenerator(req.ip ?? 'gone'));
}

/** Limits each user, wherever they come from. */
export function limitByUser(options: LimiterOptions): Handler {
  return limiter('user', options, (_req, res) => {
    const { principal }: Partial<RequestContext> = res.locals;
    if (principal === undefined) throw new HttpError('token_missing');
    return principal.userKey;
  });
}

function limiter(
  policy: LimitPolicy,
  { max, windowSeconds, store, events }: LimiterOptions,
  keyGenerator: KeyGenerator,
): Handler {
  return rateLimit({
    windowMs: windowSeconds * 1000,
    limit: max,
    identifier: policy,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    store,
    keyGenerator,
    handler(_req, _res, next) {
      events.limitExceeded(policy);
      next(new HttpError('rate_limited', { reason: policy }));
    },
  });
}
