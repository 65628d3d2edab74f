import type { Config } from '../config.ts';
import type { Limiter } from '../http/limit.ts';
import { limitByAddress, limitByTenant, limitByUser } from '../http/limit.ts';
import { limitNotFound, type NotFoundEvents, type NotFoundLimiter } from '../http/limit-not-found.ts';
import { type CostEvents, createUpstreamCosts, type UpstreamCosts } from '../http/upstream-costs.ts';
import { type UserLimits, userLimits } from '../http/user-limits.ts';
import type { Logger } from '../log.ts';
import type { Clock } from '../lookup/ports.ts';
import { loggedUser } from '../request-log.ts';
import type { RedisParts } from './redis.ts';

export interface OpenLimits {
  readonly limitByAddress: Limiter;
  readonly limitByUser: UserLimits;
  readonly limitNotFound: NotFoundLimiter;
  /** `undefined` where only requests are limited, whatever they cost. */
  readonly upstreamCosts: UpstreamCosts | undefined;
}

/** All limits that the configuration sets, over counts that all replicas share. */
export function openLimits(
  { rateLimit, upstream }: Pick<Config, 'rateLimit' | 'upstream'>,
  parts: {
    readonly redis: Pick<RedisParts, 'limitStore' | 'notFoundNames'>;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly count: Omit<NotFoundEvents, 'enumerationSuspected'> & CostEvents;
  },
): OpenLimits {
  const { redis, clock, logger, count } = parts;
  const { windowSeconds, tenantMax, upstreamMax } = rateLimit;
  const { budgetMax, budgetTenantShare } = upstream;
  const quota = (name: string, max: number) => ({ max, store: redis.limitStore(name, max) });
  const options = (name: string, max: number) => ({ ...quota(name, max), windowSeconds, events: count });
  // All count in one place, so that a user of two plans has the larger and not both.
  const byPlan = [...rateLimit.plans].map(
    ([plan, max]) => [plan, limitByUser(options('user', max), `user-${plan}`)] as const,
  );
  return {
    limitByAddress: limitByAddress(options('ip', rateLimit.ipMax)),
    limitByUser: userLimits(
      limitByUser(options('user', rateLimit.max)),
      new Map(byPlan),
      tenantMax === undefined ? undefined : limitByTenant(options('tenant', tenantMax)),
    ),
    limitNotFound: limitNotFound({
      max: rateLimit.notFoundMax,
      windowSeconds: rateLimit.notFoundWindowSeconds,
      names: redis.notFoundNames,
      clock,
      events: {
        ...count,
        enumerationSuspected: (user) => logger.event('enumeration_suspected', { user: loggedUser(user) }),
      },
    }),
    upstreamCosts:
      upstreamMax === undefined && budgetMax === undefined
        ? undefined
        : createUpstreamCosts({
            windowSeconds,
            perUser: upstreamMax === undefined ? undefined : quota('upstream', upstreamMax),
            budget:
              budgetMax === undefined
                ? undefined
                : {
                    fleet: quota('budget', budgetMax),
                    perTenant: quota('budget-share', Math.max(1, Math.floor(budgetMax * budgetTenantShare))),
                  },
            clock,
            events: count,
          }),
  };
}
