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
  readonly events: LimitEvents & CostEvents;
}

/** How it ended that somebody who follows a project was asked to pay for a poll. */
export type PollCharge = 'paid' | 'refused';

export interface CostEvents {
  pollCharged(result: PollCharge): void;
}

/** Users who have no tenant are one each. */
type Spender = Pick<Principal, 'userKey' | 'tenantKey'>;

export interface UpstreamCosts {
  /**
   * Pays in a user's name.
   *
   * @param tell is told how they stand, by the policy that they were asked by last
   */
  of(user: Spender, tell: (headers: LimitHeaders) => void): Payer;
  /** The same for polls of what they follow, which leave a fifth of the budget to lookups. */
  ofFollower(user: Spender, tell: (headers: LimitHeaders) => void): Payer;
  /** How a user stands before: by their own quota, and by their tenant's share of the budget. */
  standing(user: Spender): readonly LimitHeaders[];
  /** Share of the budget that is used, as far as is known here; 0 where there is none. */
  readonly budgetUsed: number;
}

type SpendingPolicy = Extract<LimitPolicy, 'upstream' | 'budget' | 'budget_share'>;
type Purpose = 'lookup' | 'poll';

interface Purse {
  readonly policy: SpendingPolicy;
  /** As callers are told it. */
  readonly name: 'upstream' | 'budget';
  readonly key: string;
  readonly quota: Quota;
}

const FLEET = 'fleet';
/** News may come late; who looks something up waits for it. */
const POLLS_SHARE = 0.8;

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

  const told = ({ name, key, quota: { max } }: Purse, used: number) =>
    headersOf[name]({
      key,
      limit: max,
      used,
      remaining: Math.max(0, max - used),
      resetTime: windowAt().resetTime,
    });
  const nameAt = (key: string) => `${key}@${windowAt().number}`;
  const usedOf = ({ store }: Quota, key: string) => store.peek(nameAt(key)).totalHits;
  /** @returns how much is used with one more */
  const take = async ({ key, quota }: Purse) => (await quota.store.increment(nameAt(key))).totalHits;

  /** All that a lookup is paid from, in the order in which it is asked. */
  function pursesOf({ userKey, tenantKey = userKey }: Spender): readonly Purse[] {
    const purses: Purse[] = [];
    if (perUser !== undefined)
      purses.push({ policy: 'upstream', name: 'upstream', key: userKey, quota: perUser });
    if (budget === undefined) return purses;
    purses.push({ policy: 'budget_share', name: 'budget', key: tenantKey, quota: budget.perTenant });
    purses.push({ policy: 'budget', name: 'budget', key: FLEET, quota: budget.fleet });
    return purses;
  }

  const isExhausted = (purpose: Purpose, { policy, key, quota }: Purse) =>
    usedOf(quota, key) >= quota.max * (purpose === 'poll' && policy === 'budget' ? POLLS_SHARE : 1);

  const payerFor =
    (purpose: Purpose) =>
    (user: Spender, tell: (headers: LimitHeaders) => void): Payer => {
      const purses = pursesOf(user);
      const refuse = ({ policy }: Purse, { leftSeconds }: LimitHeaders): never => {
        if (purpose === 'poll') events.pollCharged('refused');
        else events.limitExceeded(policy);
        const options = { reason: policy, retryAfterSeconds: leftSeconds };
        // Of an empty budget nobody in particular is guilty.
        throw new HttpError(policy === 'budget' ? 'upstream_unavailable' : 'rate_limited', options);
      };
      const tellOf = ({ policy }: Purse, headers: LimitHeaders) => {
        // How the whole fleet stands is nobody's to know.
        if (policy !== 'budget') tell(headers);
      };
      return {
        key: user.userKey,
        isOver: () => purses.some((purse) => isExhausted(purpose, purse)),
        async pay() {
          // Whoever is refused by one of them spends nothing of the others. An empty budget comes first: it is not their fault.
          const exhausted = purses.findLast((purse) => isExhausted(purpose, purse));
          if (exhausted !== undefined) {
            const headers = told(exhausted, exhausted.quota.max);
            tellOf(exhausted, headers);
            refuse(exhausted, headers);
          }
          for (const purse of purses) {
            const used = await take(purse);
            const headers = told(purse, used);
            tellOf(purse, headers);
            if (used > purse.quota.max) refuse(purse, headers);
          }
          if (purpose === 'poll') events.pollCharged('paid');
        },
      };
    };

  return {
    of: payerFor('lookup'),
    ofFollower: payerFor('poll'),
    standing: (user) =>
      pursesOf(user)
        .filter(({ policy }) => policy !== 'budget')
        .map((purse) => told(purse, usedOf(purse.quota, purse.key))),
    get budgetUsed() {
      if (budget === undefined) return 0;
      return Math.min(1, usedOf(budget.fleet, FLEET) / budget.fleet.max);
    },
  };
}
