import { LRUCache } from 'lru-cache';
import { HttpError } from '../errors.ts';
import type { Clock } from '../lookup/ports.ts';
import { invalid } from './claims.ts';
import type { Possession, ProofCheck } from './dpop.ts';
import type { Principal } from './principal.ts';
import type { JudgedToken, TokenJudge } from './token-judge.ts';

export interface TokenVerifier {
  /**
   * Who the token speaks for; at once where the same token was verified a moment ago and is bound to no key.
   *
   * @param possession how its sender shows to hold the key that the token is bound to; without it, only one that is bound to
   *   none is good, and with it, only one that is bound
   * @throws HttpError token_expired, token_invalid, insufficient_scope or authentication_unavailable
   */
  verify(token: string, possession?: Possession): Principal | Promise<Principal>;
  /**
   * Whether a token that was verified before still is good. How its sender showed to hold its key is not asked again.
   *
   * @throws (by its promise) what `verify` throws
   */
  confirm(token: string): Promise<void>;
  /** Who the token speaks for, if it was verified a moment ago and whoever has it may send it. */
  recall(token: string): Principal | undefined;
}

const MAX_REMEMBERED = 10_000;
const MAX_REMEMBERED_LENGTH = 16 * 1024 * 1024;
/**
 * Of a signature, by whose end a token is found again. Hashing the whole of it (SHA-256) takes ten times as long, and V8's
 * own hash of so long a string twice that.
 */
const KEY_LENGTH = 24;
const MAX_TOKEN_LENGTH = 8192;

interface Remembered extends JudgedToken {
  readonly token: string;
}

/** Remembers what was judged. One memory serves all issuers: a token is compared as a whole, and has one issuer alone. */
export function createTokenVerifier(judge: TokenJudge, checkProof: ProofCheck, clock: Clock): TokenVerifier {
  const remembered = new LRUCache<string, Remembered>({
    max: MAX_REMEMBERED,
    maxSize: MAX_REMEMBERED_LENGTH,
    sizeCalculation: ({ token }) => token.length,
  });

  function recallJudged(token: string): Remembered | undefined {
    const known = remembered.get(token.slice(-KEY_LENGTH));
    // The whole token is compared: a part of it could be shared by two users.
    return known?.token === token && known.untilMs > clock.now() ? known : undefined;
  }

  async function judgeAnew(token: string): Promise<Remembered> {
    const judged = { ...(await judge(token)), token };
    remembered.set(token.slice(-KEY_LENGTH), judged);
    return judged;
  }

  async function verifyAnew(token: string, possession: Possession | undefined): Promise<Principal> {
    const { principal, boundTo } = recallJudged(token) ?? (await judgeAnew(token));
    if (boundTo === undefined) {
      // RFC 9449, 7.1: whoever says that it is bound would take it for better kept than it is.
      if (possession !== undefined) throw invalid('bound to no key');
    } else {
      if (possession === undefined) throw proofNeeded();
      await checkProof(possession, token, boundTo);
    }
    return principal;
  }

  function recall(token: string): Principal | undefined {
    const known = recallJudged(token);
    return known?.boundTo === undefined ? known?.principal : undefined;
  }

  return {
    recall,
    async confirm(token) {
      if (recallJudged(token) === undefined) await judgeAnew(token);
    },
    verify(token, possession) {
      if (token.length > MAX_TOKEN_LENGTH) throw invalid('length');
      return (possession === undefined ? recall(token) : undefined) ?? verifyAnew(token, possession);
    },
  };
}

/** RFC 9449, 7.1: a bound token sent as one that is not would be good for whoever stole it. */
function proofNeeded(): HttpError {
  return new HttpError('token_invalid', { reason: 'bound to a key', dpop: 'needed' });
}
