import type { Principal } from '../auth/principal.ts';
import { HttpError } from '../errors.ts';
import type { Limiter } from './limit.ts';
import type { LimitHeaders } from './limit-headers.ts';
import type { Handler } from './request-context.ts';

type Caller = Pick<Principal, 'userKey' | 'tenantKey' | 'plan'>;

/** All limits on a user's requests: their own, by their plan where they have one, and their tenant's. */
export interface UserLimits {
  readonly check: Handler;
  /** Whether the user's next request is certain to be within all of them. Counts nothing. */
  hasRoom(caller: Caller): boolean;
  /** Counts a request of a user who has room. @returns how they stand, by each */
  hit(caller: Caller): readonly LimitHeaders[];
}

/** @param byPlan the limiters of users with such a plan, in place of the one of all */
export function userLimits(
  ofAll: Limiter,
  byPlan: ReadonlyMap<string, Limiter>,
  ofTenant: Limiter | undefined,
): UserLimits {
  const ofUser = ({ plan }: Caller) => (plan === undefined ? undefined : byPlan.get(plan)) ?? ofAll;
  const tenantOf = ({ tenantKey }: Caller) => (tenantKey === undefined ? undefined : ofTenant);
  return {
    check(req, res, next) {
      const { principal } = res.locals;
      if (principal === undefined) throw new HttpError('token_missing');
      const tenant = tenantOf(principal);
      return ofUser(principal).check(req, res, (error?: unknown) => {
        if (error !== undefined || tenant === undefined) return next(error);
        tenant.check(req, res, next);
      });
    },
    hasRoom(caller) {
      const { userKey, tenantKey = '' } = caller;
      return ofUser(caller).hasRoom(userKey) && tenantOf(caller)?.hasRoom(tenantKey) !== false;
    },
    hit(caller) {
      const { userKey, tenantKey = '' } = caller;
      const tenant = tenantOf(caller);
      const own = ofUser(caller).hit(userKey);
      return tenant === undefined ? [own] : [own, tenant.hit(tenantKey)];
    },
  };
}
