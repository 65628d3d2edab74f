import { hash } from 'node:crypto';
import type { ErrorRequestHandler } from 'express';
import { HttpError } from '../errors.ts';
import type { Clock } from '../lookup/ports.ts';
import { type Kind, projectName } from '../lookup/project.ts';
import { createLruMap } from '../lru-map.ts';
import type { LimitEvents } from './limit.ts';
import { addLimitHeaders, createLimitHeaders } from './limit-headers.ts';
import type { Handler, RequestContext } from './request-context.ts';

const POLICY = 'not_found';

/** 128 bits of a hash: nobody finds two projects of one name. */
const NAME_LENGTH = 22;
/** Users who are over the limit, and answers that were counted; those that are dropped cost one question more. */
const MAX_REMEMBERED = 50_000;

/** Counts what different names a key comes with in its window. */
interface DistinctNames {
  add(
    key: string,
    name: string,
  ): Promise<{ readonly count: number; readonly added: boolean; readonly endsAtMs: number }>;
}

export interface NotFoundEvents extends LimitEvents {
  /** A user was told for the first time in a window that there is no such project. */
  distinctNotFound(): void;
  /** A user has come to the limit. */
  enumerationSuspected(userKey: string): void;
}

/**
 * Limits how many different projects a user may ask for in vain, so that nobody finds others' by trying. Whoever is over the
 * limit is refused whatever they ask for, since a 429 in place of a 404 alone would tell as much.
 */
export interface NotFoundLimiter {
  readonly check: Handler;
  /** Counts what a request ends with that found nothing. */
  count(kind: Kind): ErrorRequestHandler<unknown, unknown, unknown, unknown, RequestContext>;
  /** Whether a user is within the limit, as far as is known here. */
  hasRoom(userKey: string): boolean;
}

/** @param options.max 0 is without a limit */
export function limitNotFound(options: {
  readonly max: number;
  readonly windowSeconds: number;
  readonly names: DistinctNames;
  readonly clock: Clock;
  readonly events: NotFoundEvents;
}): NotFoundLimiter {
  const { max, windowSeconds, names, clock, events } = options;
  const headersOf = createLimitHeaders(POLICY, windowSeconds);
  const over = createLruMap<{ readonly endsAtMs: number }>(MAX_REMEMBERED);
  const counted = createLruMap<{ readonly endsAtMs: number }>(MAX_REMEMBERED);
  const present = (known: typeof over, key: string) => {
    const found = known.get(key);
    return found !== undefined && found.endsAtMs > clock.now() ? found : undefined;
  };

  function refusal(userKey: string, endsAtMs: number, headers: string[]): HttpError {
    events.limitExceeded(POLICY);
    const standing = { key: userKey, limit: max, used: max, remaining: 0, resetTime: new Date(endsAtMs) };
    const told = headersOf(standing);
    addLimitHeaders(headers, told);
    return new HttpError('rate_limited', { reason: POLICY, retryAfterSeconds: told.leftSeconds });
  }

  /** @returns when the window ends of a user who is over the limit by this */
  async function add(userKey: string, project: string): Promise<number | undefined> {
    const name = hash('sha256', project, 'base64url').slice(0, NAME_LENGTH);
    const pair = `${userKey}${name}`;
    if (present(counted, pair) !== undefined) return undefined;
    const { count, added, endsAtMs } = await names.add(userKey, name);
    if (count <= max) {
      if (added) events.distinctNotFound();
      counted.set(pair, { endsAtMs });
      return undefined;
    }
    if (present(over, userKey) === undefined) events.enumerationSuspected(userKey);
    over.set(userKey, { endsAtMs });
    return endsAtMs;
  }

  return {
    check(_req, res, next) {
      const { principal, headers } = res.locals;
      if (principal === undefined) throw new HttpError('token_missing');
      const found = present(over, principal.userKey);
      if (found !== undefined) throw refusal(principal.userKey, found.endsAtMs, headers);
      next();
    },
    count: (kind) => async (error, _req, res, next) => {
      const { principal, lookup, headers } = res.locals;
      const inVain = max > 0 && error instanceof HttpError && error.code === 'not_found';
      if (!inVain || principal === undefined || lookup === undefined) return next(error);
      const endsAtMs = await add(principal.userKey, projectName(kind, lookup.id));
      next(endsAtMs === undefined ? error : refusal(principal.userKey, endsAtMs, headers));
    },
    hasRoom: (userKey) => present(over, userKey) === undefined,
  };
}
