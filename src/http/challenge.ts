import { PROOF_ALGORITHMS } from '../auth/dpop.ts';
import type { HttpError } from '../errors.ts';
import { DPOP_SCHEME } from './possession.ts';

/**
 * What `WWW-Authenticate` says of an error; `undefined` where it says nothing. By RFC 6750, and by RFC 9449, 7.1 where the token
 * was sent with a proof or should have been.
 *
 * @param sent the request's `Authorization`
 */
export function challengeOf(error: HttpError, realm: string, sent: string | undefined): string | undefined {
  const faults = faultsOf(error);
  if (faults === undefined) return undefined;
  const challenge = (scheme: string, parameters: Parameters) =>
    `${scheme} ${[['realm', realm] as const, ...parameters].map(([name, value]) => `${name}="${value}"`).join(', ')}`;
  const algs = [['algs', PROOF_ALGORITHMS.join(' ')]] as const;
  if (error.dpop === 'needed') return `${challenge('Bearer', faults)}, ${challenge('DPoP', algs)}`;
  if (error.dpop === undefined && !sent?.startsWith(DPOP_SCHEME)) return challenge('Bearer', faults);
  return `${challenge('Bearer', [])}, ${challenge('DPoP', [...faults, ...algs])}`;
}

type Parameters = ReadonlyArray<readonly [name: string, value: string]>;

/** RFC 6750, 3 and 3.1: no error code where no token was sent. */
function faultsOf({ code, scope, dpop }: HttpError): Parameters | undefined {
  switch (code) {
    case 'token_missing':
      return [];
    case 'token_expired':
      return fault('invalid_token', 'The token has expired');
    case 'token_invalid':
      if (dpop === 'bad_proof') return fault('invalid_dpop_proof', 'The DPoP proof is not valid');
      return fault('invalid_token', 'The token is not valid');
    case 'insufficient_scope':
      return [['error', 'insufficient_scope'], ...(scope === undefined ? [] : [['scope', scope] as const])];
    default:
      return undefined;
  }
}

function fault(error: string, description: string): Parameters {
  return [
    ['error', error],
    ['error_description', description],
  ];
}
