import type { AccessPolicy } from '../access/access-policy.ts';
import { HttpError } from '../errors.ts';
import type { Kind } from '../lookup/project.ts';
import { addRecheck } from './recheck.ts';
import type { Handler } from './request-context.ts';

/** Asks the access policy, before any cache. */
export function authorize(policy: AccessPolicy, kind: Kind): Handler {
  return (_req, res, next) => {
    const { principal, lookup } = res.locals;
    // A route that forgot to authenticate or to validate lets nobody through.
    if (principal === undefined || lookup === undefined) throw new HttpError('token_missing');
    const ask = () => policy.authorize(principal, kind, lookup.id);
    const pending = ask();
    // What is so at once stays so.
    if (!(pending instanceof Promise)) return next();
    return pending.then(() => {
      addRecheck(res, ask);
      next();
    });
  };
}
