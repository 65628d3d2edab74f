import { type Found, resultOf } from '../lookup/found.ts';
import type { Lookup } from '../lookup/lookup.ts';
import type { LookupResult } from '../lookup/ports.ts';
import type { Kind } from '../lookup/project.ts';
import type { AppResponse, RequestContext } from './request-context.ts';

export type AskedFor = NonNullable<RequestContext['lookup']>;

/** What the request was validated to ask for. */
export function askedFor(res: AppResponse): AskedFor {
  const { lookup } = res.locals;
  if (lookup === undefined) throw new Error('the lookup was not validated');
  return lookup;
}

/** Looks up what the request asks for; at once where memory holds it. What is told of the request says how it went. */
export function findProject(
  kind: Kind,
  lookup: Pick<Lookup, 'find'>,
  res: AppResponse,
): Found | Promise<Found> {
  const startedAtMs = performance.now();
  const over = (result: LookupResult) => {
    res.locals.result = result;
    res.locals.lookupMs = performance.now() - startedAtMs;
  };
  const { id, minValidSeconds } = askedFor(res);
  const found = lookup.find({
    kind,
    id,
    minValidSeconds,
    traceparent: res.locals.traceparent,
    payer: res.locals.payer,
  });
  if (!(found instanceof Promise)) {
    over(resultOf(found));
    return found;
  }
  return found.then(
    (brought) => {
      over(resultOf(brought));
      return brought;
    },
    (error: unknown) => {
      over('error');
      throw error;
    },
  );
}
