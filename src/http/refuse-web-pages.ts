import { HttpError } from '../errors.ts';
import type { Handler } from './request-context.ts';

/**
 * For what changes something and asks for no credentials: refuses what the script of any web page sends out of the browser
 * of somebody who reaches this listener. CORS stops that where the page's name is another one; not where the name has come to
 * lead here (DNS rebinding). Browsers put an `Origin` on every request but GET and HEAD (Fetch, 3.2).
 */
export function refuseWebPages(): Handler {
  return ({ headers }, _res, next) => {
    if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return next();
    throw new HttpError('origin_not_allowed', { reason: 'a web page asked for it' });
  };
}
