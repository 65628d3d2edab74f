import { HttpError } from '../errors.ts';
import { waitSecondsOf } from './prefer.ts';
import { projectIdOf } from './project-id.ts';
import { queryValue } from './query-value.ts';
import type { Handler } from './request-context.ts';

const MAX_MIN_VALID_SECONDS = 86_400;

/** Reads what a lookup is asked for, before anything is spent on it. Unknown query parameters are ignored. */
export function validateLookup(): Handler {
  return (req, res, next) => {
    res.locals.lookup = {
      id: projectIdOf(req),
      minValidSeconds: minValidOf(req.url),
      waitSeconds: waitSecondsOf(req.headers.prefer),
    };
    next();
  };
}

/** Looks at the project's id alone. */
export function validateProject(): Handler {
  return (req, _res, next) => {
    projectIdOf(req);
    next();
  };
}

function minValidOf(url: string): number | undefined {
  const value = queryValue(url, 'min_valid');
  if (value === undefined) return undefined;
  const seconds = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!(seconds <= MAX_MIN_VALID_SECONDS)) throw new HttpError('invalid_parameter', { reason: 'min_valid' });
  return seconds;
}
