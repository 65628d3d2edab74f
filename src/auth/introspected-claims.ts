import { z } from 'zod';
import {
  audienceSchema,
  CLOCK_TOLERANCE_SECONDS,
  type ClaimRules,
  invalid,
  principalOf,
  thumbprintOf,
} from './claims.ts';
import type { JudgedToken } from './token-judge.ts';

/** RFC 7662, 2.2. Of a token that is not active nothing else may be said. */
const answerSchema = z.looseObject({
  active: z.boolean(),
  iss: z.string().optional(),
  aud: audienceSchema.optional(),
  nbf: z.number().optional(),
  token_type: z.string().optional(),
  /** Not of the RFC: how some issuers tell a refresh token, which is active, too. */
  token_use: z.string().optional(),
});
export type IntrospectionAnswer = z.output<typeof answerSchema>;

/** Compared without case (RFC 6749, 5.1). */
const ACCESS_TOKEN_TYPES = new Set(['bearer', 'dpop']);
const ACCESS_TOKEN_USES = new Set(['access_token', 'access']);

/** @throws ZodError where this is no answer, and says nothing of the token */
export function parseIntrospection(document: unknown): IntrospectionAnswer {
  return answerSchema.parse(document);
}

/**
 * The user of a token of which its issuer said this. It must be for us and have an end, as a JWT must, though the RFC leaves
 * both to the issuer: without an audience, a token for any other service of the company would be good here.
 *
 * @throws HttpError token_expired, token_invalid or insufficient_scope
 */
export function judgeIntrospected(
  answer: IntrospectionAnswer,
  rules: ClaimRules,
  nowMs: number,
): Omit<JudgedToken, 'untilMs'> {
  const { active, iss = rules.issuer, aud = [], nbf = 0, token_type: type, token_use: use } = answer;
  if (!active) throw invalid('inactive');
  if (iss !== rules.issuer) throw invalid('iss');
  if (![aud].flat().includes(rules.audience)) throw invalid('aud');
  if (nbf * 1000 > nowMs + CLOCK_TOLERANCE_SECONDS * 1000) throw invalid('nbf');
  if (type !== undefined && !ACCESS_TOKEN_TYPES.has(type.toLowerCase())) throw invalid('token_type');
  if (use !== undefined && !ACCESS_TOKEN_USES.has(use)) throw invalid('token_use');
  const boundTo = thumbprintOf(answer);
  // RFC 9449, 6.2 has both said; of what it says half, nobody knows what it means.
  if (type?.toLowerCase() === 'dpop' && boundTo === undefined) throw invalid('cnf');
  return { principal: principalOf(answer, rules, nowMs, true), boundTo };
}
