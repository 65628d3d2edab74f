import {
  type ClientRateLimitInfo,
  ipKeyGenerator,
  type Options,
  type RateLimitInfo,
  rateLimit,
  type Store,
} from 'express-rate-limit';
import type { Principal } from '../auth/principal.ts';
import { HttpError } from '../errors.ts';
import { clientAddress } from './client-address.ts';
import { addLimitHeaders, createLimitHeaders, type LimitHeaders } from './limit-headers.ts';
import type { AppRequest, Handler, RequestContext } from './request-context.ts';

export type LimitPolicy =
  | 'user'
  | 'ip'
  | 'not_found'
  | 'tenant'
  | 'upstream'
  /** The whole budget for Magic Hour, and a tenant's share of it. */
  | 'budget'
  | 'budget_share';

/** Facts about limits, for whoever counts or logs them. */
export interface LimitEvents {
  limitExceeded(policy: LimitPolicy): void;
}

/** A store that can also tell at once how those stand who are far from their limit. */
export interface LimitStore extends Store {
  increment(key: string): Promise<ClientRateLimitInfo> | ClientRateLimitInfo;
  /** How a key stands, as far as is known at once. */
  peek(key: string): { readonly totalHits: number; readonly endsAtMs: number };
  hasRoom(key: string): boolean;
  hit(key: string): { readonly totalHits: number; readonly endsAtMs: number };
}

export interface LimiterOptions {
  readonly max: number;
  readonly windowSeconds: number;
  readonly store: LimitStore;
  readonly events: LimitEvents;
}

type KeyGenerator = NonNullable<Options['keyGenerator']>;

export interface Limiter {
  /** Decides on a request; within the limit it goes on. */
  readonly check: Handler;
  /** Whether the key's next request is certain to be within the limit. Counts nothing. */
  hasRoom(key: string): boolean;
  /** Counts a request of a key that has room. */
  hit(key: string): LimitHeaders;
}

/** Adds a policy's headers to the response. @returns seconds until its window ends */
type LimitTeller = (req: object, context: Partial<RequestContext>) => number;

/** Limits each client address, before anybody knows who is asking. */
export function limitByAddress(options: LimiterOptions): Limiter {
  const headersOf = createLimitHeaders('ip', options.windowSeconds);
  return createLimiter('ip', options, headersOf, addressKey);
}

/**
 * Limits each user, wherever they come from, and tells them how they stand.
 *
 * @param name of the policy in headers, where it is not that of all users
 */
export function limitByUser(options: LimiterOptions, name = 'user'): Limiter {
  return limitByPrincipal('user', name, options, ({ userKey }) => userKey);
}

/** Limits each tenant, whichever of its users come. */
export function limitByTenant(options: LimiterOptions): Limiter {
  return limitByPrincipal('tenant', 'tenant', options, ({ tenantKey }) => tenantKey);
}

function limitByPrincipal(
  policy: LimitPolicy,
  name: string,
  options: LimiterOptions,
  keyOf: (principal: Principal) => string | undefined,
): Limiter {
  const headersOf = createLimitHeaders(name, options.windowSeconds);
  const tell = limitTeller(policy, headersOf);
  const limiter = createLimiter(policy, options, headersOf, (_req, res) => {
    const { principal }: Partial<RequestContext> = res.locals;
    const key = principal && keyOf(principal);
    if (key === undefined) throw new HttpError('token_missing');
    return key;
  });
  return {
    ...limiter,
    check: (req, res, next) =>
      limiter.check(req, res, (error?: unknown) => {
        if (error === undefined) tell(req, res.locals);
        next(error);
      }),
  };
}

/** An IPv6 customer is a /56. An address is missing only where the connection is gone already. */
export function addressKey(req: Pick<AppRequest, 'ip' | 'socket'>): string {
  const address = clientAddress(req) ?? 'gone';
  return address.includes(':') ? ipKeyGenerator(address) : address;
}

function createLimiter(
  policy: LimitPolicy,
  { max, windowSeconds, store, events }: LimiterOptions,
  headersOf: (info: RateLimitInfo) => LimitHeaders,
  keyGenerator: KeyGenerator,
): Limiter {
  const tell = limitTeller(policy, headersOf);
  const check = rateLimit({
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
  return {
    check,
    hasRoom: (key) => store.hasRoom(key),
    hit(key) {
      const { totalHits: used, endsAtMs } = store.hit(key);
      return headersOf({ key, limit: max, used, remaining: max - used, resetTime: new Date(endsAtMs) });
    },
  };
}

/** Where express-rate-limit leaves on the request how its caller stands. */
function propertyOf(policy: LimitPolicy): string {
  return `${policy}Limit`;
}

function limitTeller(policy: LimitPolicy, headersOf: (info: RateLimitInfo) => LimitHeaders): LimitTeller {
  return (req, { headers: responseHeaders }) => {
    const info: unknown = Reflect.get(req, propertyOf(policy));
    if (!isLimitInfo(info)) throw new Error(`the ${policy} limit was not counted`);
    const headers = headersOf(info);
    if (responseHeaders !== undefined) addLimitHeaders(responseHeaders, headers);
    return headers.leftSeconds;
  };
}

function isLimitInfo(value: unknown): value is RateLimitInfo {
  return typeof value === 'object' && value !== null && 'remaining' in value && 'resetTime' in value;
}
