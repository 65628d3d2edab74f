import { LRUCache } from 'lru-cache';
import type { Clock } from '../lookup/ports.ts';
import { invalid } from './claims.ts';
import type { Principal } from './principal.ts';
import type { JudgedToken, TokenJudge } from './token-judge.ts';

export interface TokenVerifier {
  /**
   * Who the token speaks for; at once where the same token was verified a moment ago.
   *
   * @throws HttpError token_expired, token_invalid, insufficient_scope or authentication_unavailable
   */
  verify(token: string): Principal | Promise<Principal>;
  /** Who the token speaks for, if it was verified a moment ago. */
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
export function createTokenVerifier(judge: TokenJudge, clock: Clock): TokenVerifier {
  const remembered = new LRUCache<string, Remembered>({
    max: MAX_REMEMBERED,
    maxSize: MAX_REMEMBERED_LENGTH,
    sizeCalculation: ({ token }) => token.length,
  });

  async function judgeAnew(token: string): Promise<Principal> {
    const { principal, untilMs } = await judge(token);
    remembered.set(token.slice(-KEY_LENGTH), { token, principal, untilMs });
    return principal;
  }

  function recall(token: string): Principal | undefined {
    const known = remembered.get(token.slice(-KEY_LENGTH));
    // The whole token is compared: a part of it could be shared by two users.
    return known?.token === token && known.untilMs > clock.now() ? known.principal : undefined;
  }

  return {
    recall,
    verify(token) {
      if (token.length > MAX_TOKEN_LENGTH) throw invalid('length');
      return recall(token) ?? judgeAnew(token);
    },
  };
}
