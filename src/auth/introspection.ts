import { hash } from 'node:crypto';
import { HttpError } from '../errors.ts';
import type { Clock } from '../lookup/ports.ts';
import { createLruMap } from '../lru-map.ts';
import { createAllowance } from './allowance.ts';
import { type ClaimRules, invalid } from './claims.ts';
import { judgeIntrospected, parseIntrospection } from './introspected-claims.ts';
import type { AskIssuer } from './introspection-endpoint.ts';
import { type JudgedToken, type TokenJudge, unavailable } from './token-judge.ts';

/** What became of a token that the issuer was to be asked about. */
export type IntrospectionResult = 'active' | 'refused' | 'failed' | 'withheld';

export interface IntrospectionEvents {
  introspected(result: IntrospectionResult): void;
  /** The issuer can't be asked, or gave an answer that can't be used. */
  introspectionFailed(error: unknown): void;
  introspectionAnswered(): void;
}

/** RFC 6750, 2.1; anything else would reach the issuer for nothing. */
const BEARER_TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** Tokens that the issuer knows nothing of are asked about from this allowance, so that made-up ones can't hammer it. */
const BURST_STRANGERS = 100;
const STRANGER_EVERY_MS = 50;
/** Questions that may be open at one time; half of them are kept for tokens that were good before. */
const MAX_AT_ONCE = 64;
const MAX_STRANGERS_AT_ONCE = 32;
/** How long a token stays refused before it is asked about again: one that was just issued may be known a moment later. */
const REFUSED_MS = 5000;
/** An issuer that just failed is left alone for a moment. */
const FAILURE_PAUSE_MS = 1000;
const MAX_KNOWN = 10_000;

/**
 * Judges opaque tokens by asking their issuer (RFC 7662). A token is asked about once at a time and known by the whole of its
 * SHA-256. What the issuer affirms is remembered by whoever asked, for `cacheSeconds` at the most; what it does not, here and
 * shortly. While it can't be asked, nobody is let in by an opaque token, and nobody is told that theirs is wrong.
 */
export function createIntrospection(options: {
  readonly ask: AskIssuer;
  readonly rules: ClaimRules;
  readonly cacheSeconds: number;
  readonly clock: Clock;
  readonly events: IntrospectionEvents;
}): TokenJudge {
  const { ask, rules, clock, events } = options;
  const flights = new Map<string, Promise<JudgedToken>>();
  const refused = createLruMap<{ readonly error: HttpError; readonly untilMs: number }>(MAX_KNOWN);
  /** Tokens that were good: whatever floods the issuer, their users stay in. */
  const goodBefore = createLruMap<true>(MAX_KNOWN);
  const allowance = createAllowance({ burst: BURST_STRANGERS, everyMs: STRANGER_EVERY_MS, clock });
  /** By whom it was about: a stranger whose token the issuer can't answer for must not keep others out. */
  const failedAtMs = { stranger: Number.NEGATIVE_INFINITY, known: Number.NEGATIVE_INFINITY };
  let asked = 0;
  let strangersAsked = 0;

  function withhold(reason: string): never {
    events.introspected('withheld');
    throw unavailable(new Error(reason));
  }

  async function askAbout(token: string, key: string): Promise<JudgedToken> {
    const who = goodBefore.has(key) ? 'known' : 'stranger';
    if (clock.now() - failedAtMs[who] < FAILURE_PAUSE_MS) withhold('the issuer just failed');
    if (asked >= MAX_AT_ONCE) withhold('too many questions are open');
    if (who === 'known') return judge(token, key, who);
    if (strangersAsked >= MAX_STRANGERS_AT_ONCE) withhold('too many questions about strangers are open');
    if (!allowance.take()) withhold('too many tokens were made up');
    strangersAsked += 1;
    try {
      const judged = await judge(token, key, who);
      allowance.giveBack();
      return judged;
    } finally {
      strangersAsked -= 1;
    }
  }

  async function judge(token: string, key: string, who: 'stranger' | 'known'): Promise<JudgedToken> {
    const answer = await hear(token, who);
    try {
      const judged = judgeIntrospected(answer, rules, clock.now());
      goodBefore.set(key, true);
      events.introspected('active');
      const { expiresAtMs } = judged.principal;
      return { ...judged, untilMs: Math.min(expiresAtMs, clock.now() + options.cacheSeconds * 1000) };
    } catch (error) {
      goodBefore.delete(key);
      if (error instanceof HttpError) refused.set(key, { error, untilMs: clock.now() + REFUSED_MS });
      events.introspected('refused');
      throw error;
    }
  }

  async function hear(token: string, who: 'stranger' | 'known') {
    asked += 1;
    try {
      const answer = parseIntrospection(await ask(token));
      failedAtMs[who] = Number.NEGATIVE_INFINITY;
      events.introspectionAnswered();
      return answer;
    } catch (error) {
      failedAtMs[who] = clock.now();
      events.introspected('failed');
      events.introspectionFailed(error);
      throw unavailable(error);
    } finally {
      asked -= 1;
    }
  }

  return async (token) => {
    if (!BEARER_TOKEN.test(token)) throw invalid('spelling');
    const key = hash('sha256', token, 'base64url');
    const known = refused.get(key);
    if (known !== undefined && known.untilMs > clock.now()) throw known.error;
    const flight = flights.get(key) ?? askAbout(token, key).finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  };
}
