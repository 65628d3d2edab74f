import { badProof, type Possession } from '../auth/dpop.ts';
import type { HttpError } from '../errors.ts';
import { countHeader } from './raw-headers.ts';
import type { AppRequest } from './request-context.ts';

/** RFC 9449, 7.1. The scheme is taken in its registered spelling only, as that of RFC 6750 is. */
export const DPOP_SCHEME = 'DPoP ';

/**
 * How a request shows that its sender holds the key of the token that it carries, or what is wrong with how it does.
 *
 * @param publicUrl where callers reach this service; where it is not known, what the request (or a proxy in front that is
 *   trusted) says of it is what counts
 */
export function possessionOf(req: AppRequest, publicUrl: string | undefined): Possession | HttpError {
  const { dpop: proof } = req.headers;
  if (typeof proof !== 'string' || countHeader(req.rawHeaders, 'dpop') !== 1)
    return badProof('number of them');
  const path = req.originalUrl.replace(/\?.*/s, '');
  const { protocol, host } = req;
  // Express's types know nothing of a request without a host (HTTP/1.0).
  const asked = host === undefined ? undefined : `${protocol}://${host}`;
  const base = publicUrl?.replace(/\/$/, '') ?? asked;
  return { proof, method: req.method, url: base === undefined ? undefined : `${base}${path}` };
}
