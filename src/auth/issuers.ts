import { decodeJwt, decodeProtectedHeader } from 'jose';
import { invalid } from './claims.ts';
import type { TokenJudge } from './token-judge.ts';

/**
 * Has each token judged by the issuer that it names. What it says of itself is not proved yet: it decides on no more than whose
 * keys are asked, and they judge this claim as well. The names are compared as they are spelled, never in part; a name that
 * is not among them costs nobody a request.
 *
 * @param opaque judges what says nothing of itself; nobody does where it is left out
 */
export function judgeByIssuer(judges: ReadonlyMap<string, TokenJudge>, opaque?: TokenJudge): TokenJudge {
  return async (token) => {
    if (!isJws(token)) {
      if (opaque === undefined) throw invalid('no JWT');
      return opaque(token);
    }
    const issuer = claimedIssuer(token);
    const judge = issuer === undefined ? undefined : judges.get(issuer);
    if (judge === undefined) throw invalid('iss');
    return judge(token);
  };
}

/** Whether it looks like a JWS in compact form (RFC 7515, 7.1). Such a token is believed by its signature or not at all. */
export function isJws(token: string): boolean {
  if (token.split('.').length !== 3) return false;
  try {
    decodeProtectedHeader(token);
    return true;
  } catch {
    return false;
  }
}

function claimedIssuer(token: string): string | undefined {
  try {
    const { iss } = decodeJwt(token);
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}
