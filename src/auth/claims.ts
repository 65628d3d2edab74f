import { z } from 'zod';
import { HttpError } from '../errors.ts';
import { createPrincipal, type Principal } from './principal.ts';
import { believedScopes } from './scopes.ts';

/** What an issuer's tokens must say, and where they say it. */
export interface ClaimRules {
  readonly issuer: string;
  readonly audience: string;
  readonly userClaim: string;
  readonly tenantClaim: string | undefined;
  readonly planClaim?: string | undefined;
  readonly requiredScope: string | undefined;
  /** Whether this issuer's word is taken on who may say whose a project is. */
  readonly mayAssignOwners: boolean;
}

type Claims = Readonly<Record<string, unknown>>;

/** For `nbf` of issuers whose clocks are a little ahead; `exp` is taken to the second. */
export const CLOCK_TOLERANCE_SECONDS = 5;
/** `iat` decides on nothing, so clocks that differ keep nobody out; only what no such clock wrote is refused. */
const MAX_IAT_AHEAD_MS = 5 * 60_000;
/** The last moment that a JavaScript date can tell (ECMA-262, 21.4.1.1); a token that outlives it has no end. */
const MAX_DATE_MS = 8.64e15;

/** RFC 7519, 4.1.3. */
export const audienceSchema = z.union([z.string(), z.array(z.string())]);
const nonEmpty = z.string().min(1).max(1024);
const confirmationSchema = z.strictObject({ jkt: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });
/** `scope` by RFC 9068, 2.2.3; `scp` as some issuers spell it. */
const scopeSchema = z.union([z.string().transform((text) => text.split(' ')), z.array(z.string())]).catch([]);

/**
 * The user of a token whose issuer and audience are proved.
 *
 * @param revocable whether the issuer will be asked about it again
 * @throws HttpError token_expired, token_invalid or insufficient_scope
 */
export function principalOf(claims: Claims, rules: ClaimRules, nowMs: number, revocable: boolean): Principal {
  const expiresAtMs = (z.number().safeParse(claims.exp).data ?? Number.NaN) * 1000;
  if (!(expiresAtMs <= MAX_DATE_MS)) throw invalid('exp');
  if (expiresAtMs <= nowMs) throw new HttpError('token_expired', { reason: 'exp' });
  const iat = z.number().default(0).safeParse(claims.iat);
  if (!iat.success || iat.data * 1000 > nowMs + MAX_IAT_AHEAD_MS) throw invalid('iat');
  const { issuer, requiredScope: scope } = rules;
  const subject = nonEmpty.safeParse(claims[rules.userClaim]);
  if (!subject.success) throw invalid(rules.userClaim);
  const optional = (claim: string | undefined) =>
    claim === undefined ? undefined : nonEmpty.safeParse(claims[claim]).data;
  const [tenant, plan] = [optional(rules.tenantClaim), optional(rules.planClaim)];
  const named = scopeSchema.parse(claims.scope ?? claims.scp);
  const scopes = believedScopes(named, rules);
  if (scope !== undefined && !scopes.includes(scope)) throw new HttpError('insufficient_scope', { scope });
  return createPrincipal({ issuer, subject: subject.data, tenant, plan, scopes, expiresAtMs, revocable });
}

/**
 * The key that a token is bound to (RFC 9449, 6.1): the thumbprint of a JWK (RFC 7638); `undefined` where it is bound to none.
 *
 * @throws HttpError token_invalid where it is bound otherwise (RFC 7800): it is worth nothing without a proof that is not asked for here
 */
export function thumbprintOf({ cnf }: Claims): string | undefined {
  if (cnf === undefined) return undefined;
  const { success, data } = confirmationSchema.safeParse(cnf);
  if (!success) throw invalid('cnf');
  return data.jkt;
}

/** @param reason for logs: the name of a parameter or claim, or a word; never a value */
export function invalid(reason: string): HttpError {
  return new HttpError('token_invalid', { reason });
}
