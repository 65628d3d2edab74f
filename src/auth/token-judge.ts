import { errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { HttpError } from '../errors.ts';
import type { Clock } from '../lookup/ports.ts';
import {
  audienceSchema,
  CLOCK_TOLERANCE_SECONDS,
  type ClaimRules,
  invalid,
  principalOf,
  thumbprintOf,
} from './claims.ts';
import { type IssuerKeys, KeysUnavailableError } from './issuer-keys.ts';
import type { Principal } from './principal.ts';
import { isStrictJws } from './strict-jws.ts';

/** What a token says, once it is known to be true. */
export interface JudgedToken {
  readonly principal: Principal;
  /** The thumbprint of the key that its sender must hold (RFC 9449); `undefined` where whoever has it may send it. */
  readonly boundTo: string | undefined;
  /** Unix milliseconds after which it has to be judged again; never past the token's end. */
  readonly untilMs: number;
}

/** @throws (by its promise) HttpError token_expired, token_invalid, insufficient_scope or authentication_unavailable */
export type TokenJudge = (token: string) => Promise<JudgedToken>;

export interface TokenRules extends ClaimRules {
  readonly algorithms: readonly string[];
}

/** Verified once, a token is believed for this long at the most: a withdrawn key counts after that. */
const BELIEVE_MS = 60_000;
const RETRY_AFTER_SECONDS = 2;

/** RFC 9068 asks for `at+jwt`, many issuers write `JWT` or nothing; any other type was made for something else. */
const ACCESS_TOKEN_TYPES = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['jwt', 'at+jwt', 'application/at+jwt']))
  .optional();

/** Judges the tokens of one issuer by its keys. */
export function createTokenJudge(keys: IssuerKeys, rules: TokenRules, clock: Clock): TokenJudge {
  return async (token) => {
    if (!isStrictJws(token)) throw invalid('spelling');
    const { payload, protectedHeader } = await jwtVerify(token, keys.getKey, {
      issuer: rules.issuer,
      audience: rules.audience,
      algorithms: [...rules.algorithms],
      requiredClaims: ['exp'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(clock.now()),
    }).catch(refuse);
    const { typ, b64 = true } = protectedHeader;
    if (!ACCESS_TOKEN_TYPES.safeParse(typ).success) throw invalid('typ');
    // RFC 7797, 7: the payload of a JWT is always encoded; jose looks only where `crit` names this parameter.
    if (b64 !== true) throw invalid('b64');
    // Whether ours is among them, jose has looked.
    if (!audienceSchema.safeParse(payload.aud).success) throw invalid('aud');
    const principal = principalOf(payload, rules, clock.now(), false);
    const untilMs = Math.min(principal.expiresAtMs, clock.now() + BELIEVE_MS);
    return { principal, boundTo: thumbprintOf(payload), untilMs };
  };
}

/** Whether anybody may come in by this token, nobody can tell at the moment. */
export function unavailable(cause: unknown): HttpError {
  return new HttpError('authentication_unavailable', { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
}

function refuse(error: unknown): never {
  if (error instanceof KeysUnavailableError) throw unavailable(error);
  if (error instanceof errors.JWTExpired) throw new HttpError('token_expired', { reason: 'exp' });
  if (error instanceof errors.JWTClaimValidationFailed) throw invalid(error.claim);
  // jose names what is wrong by a code; whatever else went wrong with a token, it lets nobody in.
  throw invalid(error instanceof errors.JOSEError ? error.code : 'unreadable');
}
