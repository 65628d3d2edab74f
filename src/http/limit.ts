import { ipKeyGenerator, type Options, type RateLimitInfo, rateLimit, type Store } from 'express-rate-limit';
import { HttpError } from '../errors.ts';
import { clientAddress } from './client-address.ts';
import { createLimitHeaders } from './limit-headers.ts';
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

/** Adds a policy's headers to the response. @returns seconds until its window ends */
type LimitTeller = (req: object, context: Partial<RequestContext>) => number;

/** Limits each client address, before anybody knows who is asking. An IPv6 customer is a /56. */
export function limitByAddress(options: LimiterOptions): Handler {
  // An address is missing only where the connection is gone already.
  const tell = limitTeller('ip', options.windowSeconds);
  return limiter('ip', options, tell, (req) => ipKeyGenerator(clientAddress(req) ?? 'gone'));
}

/** Limits each user, wherever they come from, and tells them how they stand. */
export function limitByUser(options: LimiterOptions): Handler {
  const tell = limitTeller('user', options.windowSeconds);
  const limit = limiter('user', options, tell, (_req, res) => {
    const { principal }: Partial<RequestContext> = res.locals;
    if (principal === undefined) throw new HttpError('token_missing');
    return principal.userKey;
  });
  return (req, res, next) =>
    limit(req, res, (error?: unknown) => {
      if (error === undefined) tell(req, res.locals);
      next(error);
    });
}

function limiter(
  policy: LimitPolicy,
  { max, windowSeconds, store, events }: LimiterOptions,
  tell: LimitTeller,
  keyGenerator: KeyGenerator,
): Handler {
  return rateLimit({
    windowMs: windowSeconds * 1000,
    limit: max,
    standardHeaders: false,
    legacyHeaders: false,
    // What it checks at run time is how it is set up, which is done here and in tests.
    validate: false,
    requestPropertyName: propertyOf(policy),
    store,
    keyGenerator,
    handler(req, res, next) {
      events.limitExceeded(policy);
      const retryAfterSeconds = tell(req, res.locals);
      next(new HttpError('rate_limited', { reason: policy, retryAfterSeconds }));
    },
  });
}

/** Where express-rate-limit leaves on the request how its caller stands. */
function propertyOf(policy: LimitPolicy): string {
  return `${policy}Limit`;
}

function limitTeller(policy: LimitPolicy, windowSeconds: number): LimitTeller {
  const headersOf = createLimitHeaders(policy, windowSeconds);
  return (req, { headers: responseHeaders }) => {
    const info: unknown = Reflect.get(req, propertyOf(policy));
    if (!isLimitInfo(info)) throw new Error(`the ${policy} limit was not counted`);
    const headers = headersOf(info);
    responseHeaders?.push('RateLimit', headers.rateLimit, 'RateLimit-Policy', headers.policy);
    return headers.leftSeconds;
  };
}

function isLimitInfo(value: unknown): value is RateLimitInfo {
  return typeof value === 'object' && value !== null && 'remaining' in value && 'resetTime' in value;
}
