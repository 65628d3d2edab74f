/**
 * Every error that a caller can meet, in one place: its code, its HTTP status and its words.
 *
 * `message` is exactly `Unauthorized` on 401 and `Not Found` on 404, as Magic Hour's own contract says.
 */
export const ERROR_CATALOGUE = {
  invalid_project_id: { status: 400, message: 'The project id must match ^[A-Za-z0-9_-]{1,128}$' },
  invalid_parameter: { status: 400, message: 'A query parameter has a value that is not allowed' },
  invalid_request: { status: 400, message: 'The request is invalid' },
  invalid_owner: {
    status: 400,
    message:
      'The body must be JSON with `owner`, and may have `tenant` and `issuer`: strings of 1 to 1024 characters, the issuer one that is trusted here',
  },
  invalid_assignments: {
    status: 400,
    message:
      'The body must be JSON with `assignments`: 1 to 1000 objects, each with `id` and what an owner has',
  },
  token_missing: { status: 401, message: 'Unauthorized' },
  token_expired: { status: 401, message: 'Unauthorized' },
  token_invalid: { status: 401, message: 'Unauthorized' },
  signature_invalid: { status: 401, message: 'Unauthorized' },
  payment_required: { status: 402, message: 'Payment required' },
  insufficient_scope: { status: 403, message: 'The token lacks a scope that this needs' },
  csrf_required: {
    status: 403,
    message: 'With the cookie of a session a request needs the header X-CSRF: 1',
  },
  origin_not_allowed: { status: 403, message: 'This origin may not call the service' },
  not_found: { status: 404, message: 'Not Found' },
  method_not_allowed: { status: 405, message: 'Method Not Allowed' },
  request_timeout: { status: 408, message: 'The request did not come in time' },
  owner_conflict: { status: 409, message: 'The project has another owner' },
  request_too_large: { status: 413, message: 'The request is too large' },
  rate_limited: { status: 429, message: 'Too many requests' },
  internal_error: { status: 500, message: 'Internal error' },
  upstream_rejected_key: { status: 502, message: 'The service is not accepted upstream' },
  upstream_error: { status: 502, message: 'The upstream failed' },
  upstream_bad_response: { status: 502, message: 'The upstream sent an unusable answer' },
  upstream_unavailable: { status: 503, message: 'The upstream cannot be asked at the moment' },
  authentication_unavailable: { status: 503, message: 'Who is asking cannot be judged at the moment' },
  cache_unavailable: { status: 503, message: 'Redis cannot be reached, so it is not done for every replica' },
  ownership_unavailable: { status: 503, message: 'Whose project this is cannot be told at the moment' },
  draining: { status: 503, message: 'This replica is shutting down' },
  upstream_timeout: { status: 504, message: 'The upstream did not answer in time' },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

export interface HttpErrorOptions {
  /** What led to it; for logs, never for callers. */
  readonly cause?: unknown;
  /** Another status than the catalogue's, where one code stands for several (413, 414, 431). */
  readonly status?: number;
  /** Whole seconds after which trying again makes sense. */
  readonly retryAfterSeconds?: number;
  /** Headers that belong to this error, for instance `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The scope that was missing. */
  readonly scope?: string;
  /** What the challenge says of RFC 9449: that the token needs a proof, or that the proof is not good. */
  readonly dpop?: 'needed' | 'bad_proof';
  /** A few words for logs on what exactly was wrong; holds nothing secret and nothing of the caller's. */
  readonly reason?: string;
}

/** The one error type that is meant for callers; only `http/error-handler.ts` turns it into a response. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly scope: string | undefined;
  readonly dpop: HttpErrorOptions['dpop'];
  readonly reason: string | undefined;

  constructor(code: ErrorCode, options: HttpErrorOptions = {}) {
    super(ERROR_CATALOGUE[code].message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? ERROR_CATALOGUE[code].status;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
    this.scope = options.scope;
    this.dpop = options.dpop;
    this.reason = options.reason;
  }
}
