import helmet from 'helmet';
import { headersMadeBy } from './made-headers.ts';
import type { Handler } from './request-context.ts';

/**
 * Helmet's headers and the `Vary` that all answers share. Helmet's are the same for every request, so they are made
 * once (0.70 against 0.56 of a bare Express route when made each time).
 */
export const SECURITY_HEADERS: ReadonlyArray<readonly [name: string, value: string]> = [
  ...headersMadeBy(helmet()),
  ['Vary', 'Origin, Authorization, Cookie'],
];

export function securityHeaders(): Handler {
  const headers = SECURITY_HEADERS.flat();
  return (_req, res, next) => {
    res.locals.headers.push(...headers);
    next();
  };
}
