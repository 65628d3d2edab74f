import { HttpError } from '../errors.ts';
import type { BackchannelLogout } from '../sessions/backchannel-logout.ts';
import { readBody } from './read-body.ts';
import type { Handler } from './request-context.ts';
import { NO_STORE, respond } from './respond.ts';
import type { SessionEvents } from './serve-auth.ts';

const MAX_BODY_BYTES = 16 * 1024;
const BODY_WITHIN_MS = 5000;

/** Takes the provider's word that sessions are over; it signs what it sends. */
export function serveBackchannelLogout({
  logout,
  events,
}: {
  readonly logout: BackchannelLogout;
  readonly events: SessionEvents;
}): Handler {
  return async (req, res) => {
    const body = await readBody(req, res, { maxBytes: MAX_BODY_BYTES, withinMs: BODY_WITHIN_MS });
    const [token, ...more] = new URLSearchParams(body.toString('utf8')).getAll('logout_token');
    const ended = token === undefined || more.length > 0 ? undefined : await logout.take(token);
    if (ended === undefined) throw new HttpError('invalid_request', { reason: 'no logout token' });
    if (ended > 0) events.sessionsEnded('provider', ended);
    respond(req, res, 200, NO_STORE);
  };
}
