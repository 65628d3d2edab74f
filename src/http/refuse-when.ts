import { HttpError } from '../errors.ts';
import type { Handler } from './request-context.ts';

/** Where the service stands in its life, as far as requests need to know. */
export interface RefusalGate {
  /** Connections are to be given up: each response is the last one on its own. */
  readonly lastResponses: boolean;
  /** What a new request has to wait for. */
  readonly held: Promise<void> | undefined;
  /** It is too late for new requests. */
  readonly closed: boolean;
}

const RETRY_AFTER_SECONDS = 1;

/** Lets callers go, politely, while the service stops. */
export function refuseWhen(gate: RefusalGate): Handler {
  return (_req, res, next) => {
    if (gate.lastResponses) res.locals.headers.push('Connection', 'close');
    if (gate.closed) throw new HttpError('draining', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    if (gate.held === undefined) next();
    else gate.held.then(() => next());
  };
}
