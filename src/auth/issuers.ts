import { decodeJwt } from 'jose';
import { invalid, type TokenJudge } from './token-judge.ts';

/**
 * Has each token judged by the issuer that it names. What it says of itself is not proved yet: it decides on no more than whose
 * keys are asked, and they judge this claim as well. The names are compared as they are spelled, never in part; a name that
 * is not among them costs nobody a request.
 */
export function judgeByIssuer(judges: ReadonlyMap<string, TokenJudge>): TokenJudge {
  return async (token) => {
    const issuer = claimedIssuer(token);
    if (issuer === undefined) throw invalid('unreadable');
    const judge = judges.get(issuer);
    if (judge === undefined) throw invalid('iss');
    return judge(token);
  };
}

function claimedIssuer(token: string): string | undefined {
  try {
    const { iss } = decodeJwt(token);
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}
