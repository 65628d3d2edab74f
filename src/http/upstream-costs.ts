import type { Principal } from '../auth/principal.ts';
import { HttpError } from '../errors.ts';
import type { Payer } from '../lookup/payer.ts';
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
  /** Pays for what is asked in nobody's name: for those who follow a project. They count as one tenant. */
  readonly polls: Payer;
  /** Share of the budget that is used, as far as is known here; 0 where there is none. */
  readonly budgetUsed: number;
}

const POLLS = 'polls';
const FLEET = 'fleet';

/**
 * Limits the requests that reach Magic Hour, which are what costs: each user's by a quota, all together by a budget for the
 * company's key, of which one tenant has a share at the most. Whoever is answered by a cache, or by another's flight, pays nothing.
 */
export function createUpstreamCosts({
  windowSeconds,
  perUser,
  budget,
  events,
}: UpstreamCostOptions): UpstreamCosts {
  const headersOf = {
    upstream: createLimitHeaders('upstream', windowSeconds),
    budget: createLimitHeaders('budget', windowSeconds),
  };

  /** @returns how the key stands with one more */
  async function take(policy: 'upstream' | 'budget', key: string, { max, store }: Quota) {
    const { totalHits: used, resetTime } = await store.increment(key);
    const headers = headersOf[policy]({
      key,
      limit: max,
      used,
      remaining: Math.max(0, max - used),
      resetTime,
    });
    return { headers, over: used > max };
  }

  function refuse(policy: LimitPolicy, { leftSeconds }: LimitHeaders): never {
    events.limitExceeded(policy);
    const options = { reason: policy, retryAfterSeconds: leftSeconds };
    // Of an empty budget nobody in particular is guilty.
    throw new HttpError(policy === 'budget' ? 'upstream_unavailable' : 'rate_limited', options);
  }

  async function spend(tenantKey: string, tell: (headers: LimitHeaders) => void): Promise<void> {
    if (budget === undefined) return;
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
      async pay() {
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
      const { max, store } = perUser;
      const { totalHits: used, endsAtMs } = store.peek(userKey);
      const remaining = Math.max(0, max - used);
      return headersOf.upstream({ key: userKey, limit: max, used, remaining, resetTime: new Date(endsAtMs) });
    },
    polls: { pay: () => spend(POLLS, () => undefined) },
    get budgetUsed() {
      if (budget === undefined) return 0;
      const { max, store } = budget.fleet;
      return Math.min(1, store.peek(FLEET).totalHits / max);
    },
  };
}
