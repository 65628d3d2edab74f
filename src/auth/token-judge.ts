import { errors, type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import { HttpError } from '../errors.ts';
import type { Clock } from '../lookup/ports.ts';
import { type IssuerKeys, KeysUnavailableError } from './issuer-keys.ts';
import { createPrincipal, type Principal } from './principal.ts';
import { isStrictJws } from './strict-jws.ts';

/** What a token says, once it is known to be true. */
export interface JudgedToken {
  readonly principal: Principal;
  /** Unix milliseconds after which it has to be judged again; never past the token's end. */
  readonly untilMs: number;
}

/** @throws (by its promise) HttpError token_expired, token_invalid, insufficient_scope or authentication_unavailable */
export type TokenJudge = (token: string) => Promise<JudgedToken>;

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly userClaim: string;
  readonly tenantClaim: string | undefined;
  readonly requiredScope: string | undefined;
}

/** Verified once, a token is believed for this long at the most: a withdrawn key counts after that. */
const BELIEVE_MS = 60_000;
/** For `nbf` of issuers whose clocks are a little ahead; `exp` is taken to the second. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** `iat` decides on nothing, so clocks that differ keep nobody out; only what no such clock wrote is refused. */
const MAX_IAT_AHEAD_MS = 5 * 60_000;
const RETRY_AFTER_SECONDS = 2;
/** The last moment that a JavaScript date can tell (ECMA-262, 21.4.1.1); a token that outlives it has no end. */
const MAX_DATE_MS = 8.64e15;

/** RFC 9068 asks for `at+jwt`, many issuers write `JWT` or nothing; any other type was made for something else. */
const ACCESS_TOKEN_TYPES = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['jwt', 'at+jwt', 'application/at+jwt']))
  .optional();

/** RFC 7519, 4.1.3; whether ours is among them, jose looks. */
const audienceSchema = z.union([z.string(), z.array(z.string())]);
const nonEmpty = z.string().min(1).max(1024);
/** `scope` by RFC 9068, 2.2.3; `scp` as some issuers spell it. */
const scopeSchema = z.union([z.string().transform((text) => text.split(' ')), z.array(z.string())]).catch([]);

/** Judges the tokens of one issuer by its keys. */
export function createTokenJudge(keys: IssuerKeys, rules: TokenRules, clock: Clock): TokenJudge {
  async function judge(token: string): Promise<JudgedToken> {
    if (!isStrictJws(token)) throw invalid('spelling');
    const { payload, protectedHeader } = await jwtVerify(token, keys.getKey, {
      issuer: rules.issuer,
      audience: rules.audience,
      algorithms: [...rules.algorithms],
      requiredClaims: ['exp'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(clock.now()),
    }).catch(refuse);
    const expiresAtMs = (payload.exp ?? 0) * 1000;
    if (expiresAtMs > MAX_DATE_MS) throw invalid('exp');
    if (expiresAtMs <= clock.now()) throw new HttpError('token_expired', { reason: 'exp' });
    const fault = faultBesideJose(protectedHeader, payload, clock.now());
    if (fault !== undefined) throw invalid(fault);
    const principal = principalOf(payload, expiresAtMs);
    const { requiredScope: scope } = rules;
    if (scope !== undefined && !principal.scopes.has(scope))
      throw new HttpError('insufficient_scope', { scope });
    return { principal, untilMs: Math.min(expiresAtMs, clock.now() + BELIEVE_MS) };
  }

  function principalOf(payload: JWTPayload, expiresAtMs: number): Principal {
    const subject = nonEmpty.safeParse(payload[rules.userClaim]);
    if (!subject.success) throw invalid(rules.userClaim);
    const tenant =
      rules.tenantClaim === undefined ? undefined : nonEmpty.safeParse(payload[rules.tenantClaim]).data;
    const scopes = scopeSchema.parse(payload.scope ?? payload.scp);
    return createPrincipal({ issuer: rules.issuer, subject: subject.data, tenant, scopes, expiresAtMs });
  }

  return judge;
}

/** What is wrong with a token of which jose found nothing wrong: the name of a parameter or claim. */
function faultBesideJose(
  { typ, b64 = true }: JWTHeaderParameters,
  { aud, iat = 0, cnf }: JWTPayload,
  nowMs: number,
): string | undefined {
  if (!ACCESS_TOKEN_TYPES.safeParse(typ).success) return 'typ';
  // RFC 7797, 7: the payload of a JWT is always encoded; jose looks only where `crit` names this parameter.
  if (b64 !== true) return 'b64';
  if (!audienceSchema.safeParse(aud).success) return 'aud';
  if (iat * 1000 > nowMs + MAX_IAT_AHEAD_MS) return 'iat';
  // RFC 7800: a token bound to a key is worth nothing without proof of that key, which is not asked for here.
  if (cnf !== undefined) return 'cnf';
  return undefined;
}

function refuse(error: unknown): never {
  if (error instanceof KeysUnavailableError) {
    throw new HttpError('authentication_unavailable', {
      cause: error,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
  if (error instanceof errors.JWTExpired) throw new HttpError('token_expired', { reason: 'exp' });
  if (error instanceof errors.JWTClaimValidationFailed) throw invalid(error.claim);
  // jose names what is wrong by a code; whatever else went wrong with a token, it lets nobody in.
  throw invalid(error instanceof errors.JOSEError ? error.code : 'unreadable');
}

export function invalid(reason: string): HttpError {
  return new HttpError('token_invalid', { reason });
}
