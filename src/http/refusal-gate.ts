import { HttpError } from '../errors.ts';

/** Where the service stands in its life, as far as requests need to know. */
export interface RefusalGate {
  /** Connections are to be given up: each response is the last one on its own. */
  readonly lastResponses: boolean;
  /** What a new request has to wait for. */
  readonly held: Promise<void> | undefined;
  /** It is too late for new requests. */
  readonly closed: boolean;
}

/** Whether requests are answered as on any other day. */
export function isRunning({ lastResponses, held, closed }: RefusalGate): boolean {
  return !lastResponses && held === undefined && !closed;
}

const RETRY_AFTER_SECONDS = 1;

/** What a caller is told for whom it is too late. */
export function draining(): HttpError {
  return new HttpError('draining', { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
