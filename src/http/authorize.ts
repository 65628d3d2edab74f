import type { AccessPolicy } from '../auth/access-policy.ts';
import { HttpError } from '../errors.ts';
import type { Kind } from '../lookup/project.ts';
import type { Handler } from './request-context.ts';

/** Asks the access policy, before any cache. */
export function authorize(policy: AccessPolicy, kind: Kind): Handler {
  return (_req, res, next) => {
    const { principal, lookup } = res.locals;
    // A route that forgot to authenticate or to validate lets nobody through.
    if (principal === undefined || lookup === undefined) throw new HttpError('token_missing');
    const pending = policy.authorize(principal, kind, lookup.id);
    return pending instanceof Promise ? pending.then(() => next()) : next();
  };
}
