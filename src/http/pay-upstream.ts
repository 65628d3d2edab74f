import { HttpError } from '../errors.ts';
import type { LimitHeaders } from './limit-headers.ts';
import type { Handler } from './request-context.ts';
import type { UpstreamCosts } from './upstream-costs.ts';

/** Has the caller pay for what their request costs, should it reach the upstream, and tells them how they stand. */
export function payUpstream(costs: UpstreamCosts | undefined): Handler {
  if (costs === undefined) return (_req, _res, next) => next();
  return (_req, res, next) => {
    const { principal } = res.locals;
    if (principal === undefined) throw new HttpError('token_missing');
    const places = new Map<string, number>();
    // By its policy's name each stands there once, as it is in the end.
    const tell = ({ name, rateLimit, policy }: LimitHeaders) => {
      // A stream's reader is told no more, and its list is let go of.
      if (res.headersSent) return;
      const { headers } = res.locals;
      const at = places.get(name) ?? headers.length;
      places.set(name, at);
      headers.splice(at, 4, 'RateLimit', rateLimit, 'RateLimit-Policy', policy);
    };
    costs.standing(principal).forEach(tell);
    res.locals.payer = costs.of(principal, tell);
    res.locals.followerPayer = costs.ofFollower(principal, tell);
    next();
  };
}
