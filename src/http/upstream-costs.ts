import type { Principal } from '../auth/principal.ts';
import { HttpError } from '../errors.ts';
import type { Payer } from '../lookup/payer.ts';
import type { Clock } from '../lookup/ports.ts';
import type { LimitEvents, LimitPolicy, LimitStore } from './limit.ts';
import { createLimitHeaders, type LimitHeaders } from './limit-headers.ts';

/** What counts, and how much is let through in a window. */
export interface Quota {
  readonly max: number;
  readonly store: LimitStore;
}

export interface UpstreamCostOptions {
  readonly windowSeconds: number;
  /** Of each user. */
  readonly perUser: Quota | undefined;
  /** Of the whole fleet, and of each tenant within it. */
  readonly budget: { readonly fleet: Quota; readonly perTenant: Quota } | undefined;
  readonly clock: Clock;
  readonly events: LimitEvents;
}

export interface UpstreamCosts {
  /**
   * Pays in a user's name.
   *
   * @param tell is told how they stand, by the policy that they were asked by last
   */
  of(user: Pick<Principal, 'userKey' | 'tenantKey'>, tell: (headers: LimitHeaders) => void): Payer;
  /** How a user stands before; `undefined` where they have no quota of their own. */
  standing(userKey: string): LimitHeaders | undefined;
  /** Share of the budget that is used, as far as is known here; 0 where there is none. */
  readonly budgetUsed: number;
}

const FLEET = 'fleet';

/**
 * Limits the lookups that reach Magic Hour, which are what costs: each user's by a quota, all together by a budget for the
 * company's key, of which one tenant has a share at the most. Whoever is answered by a cache, or by another's flight, pays nothing.
 */
export function createUpstreamCosts({
  windowSeconds,
  perUser,
  budget,
  clock,
  events,
}: UpstreamCostOptions): UpstreamCosts {
  const windowMs = windowSeconds * 1000;
  const headersOf = {
    upstream: createLimitHeaders('upstream', windowSeconds),
    budget: createLimitHeaders('budget', windowSeconds),
  };

  /** All windows begin and end at the same times, or two windows of a tenant could fall into one of the fleet's. */
  const windowAt = () => {
    const number = Math.floor(clock.now() / windowMs);
    return { number, resetTime: new Date((number + 1) * windowMs) };
  };

  const told = (policy: 'upstream' | 'budget', key: string, max: number, used: number) =>
    headersOf[policy]({
      key,
      limit: max,
      used,
      remaining: Math.max(0, max - used),
      resetTime: windowAt().resetTime,
    });
  const usedOf = ({ store }: Quota, key: string) => store.peek(`${key}@${windowAt().number}`).totalHits;
  const isOver = (quota: Quota | undefined, key: string) =>
    quota !== undefined && usedOf(quota, key) >= quota.max;

  /** @returns how the key stands with one more */
  async function take(policy: 'upstream' | 'budget', key: string, { max, store }: Quota) {
    const { totalHits: used } = await store.increment(`${key}@${windowAt().number}`);
    return { headers: told(policy, key, max, used), over: used > max };
  }

  function refuse(policy: LimitPolicy, { leftSeconds }: LimitHeaders): never {
    events.limitExceeded(policy);
    const options = { reason: policy, retryAfterSeconds: leftSeconds };
    // Of an empty budget nobody in particular is guilty.
    throw new HttpError(policy === 'budget' ? 'upstream_unavailable' : 'rate_limited', options);
  }

  /** Whoever is refused because there is nothing left for anybody has not had any of it. */
  function refuseIfEmpty(): void {
    if (budget === undefined || !isOver(budget.fleet, FLEET)) return;
    refuse('budget', told('budget', FLEET, budget.fleet.max, budget.fleet.max));
  }

  async function spend(tenantKey: string, tell: (headers: LimitHeaders) => void): Promise<void> {
    if (budget === undefined) return;
    refuseIfEmpty();
    const tenant = await take('budget', tenantKey, budget.perTenant);
    if (tenant.over) {
      tell(tenant.headers);
      refuse('budget_share', tenant.headers);
    }
    const fleet = await take('budget', FLEET, budget.fleet);
    if (fleet.over) refuse('budget', fleet.headers);
  }

  return {
    of: ({ userKey, tenantKey }, tell) => ({
      key: userKey,
      isOver: () =>
        isOver(perUser, userKey) ||
        isOver(budget?.perTenant, tenantKey ?? userKey) ||
        isOver(budget?.fleet, FLEET),
      async pay() {
        refuseIfEmpty();
        if (perUser !== undefined) {
          const user = await take('upstream', userKey, perUser);
          tell(user.headers);
          if (user.over) refuse('upstream', user.headers);
        }
        await spend(tenantKey ?? userKey, tell);
      },
    }),
    standing(userKey) {
      if (perUser === undefined) return undefined;
      return told('upstream', userKey, perUser.max, usedOf(perUser, userKey));
    },
    get budgetUsed() {
      if (budget === undefined) return 0;
      return Math.min(1, usedOf(budget.fleet, FLEET) / budget.fleet.max);
    },
  };
}
