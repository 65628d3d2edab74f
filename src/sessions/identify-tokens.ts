import { z } from 'zod';
import { isJws } from '../auth/issuers.ts';
import { createPrincipal, type Principal } from '../auth/principal.ts';
import { believedScopes } from '../auth/scopes.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import { HttpError } from '../errors.ts';
import type { Clock } from '../lookup/ports.ts';
import type { Tokens } from './provider.ts';
import type { Session, SessionIdentity } from './session.ts';

export interface IdentityRules {
  readonly issuer: string;
  readonly userClaim: string;
  readonly tenantClaim: string | undefined;
  readonly planClaim?: string | undefined;
  readonly requiredScope: string | undefined;
  readonly mayAssignOwners: boolean;
  /** Whether opaque access tokens are asked about: then what is said of one counts, and nothing else. */
  readonly introspects: boolean;
}

/** Whom tokens speak for, and until when. */
export type Identified = Pick<Session, 'identity' | 'accessExpiresAtMs' | 'refreshAtMs'>;

/** An access token is exchanged so long before its end, or at half of a shorter life. */
const REFRESH_AHEAD_MS = 60_000;

/** Of an access token whose end nobody says. */
const DEFAULT_LIFE_SECONDS = 300;

const claim = z.string().min(1).max(1024);

/**
 * Finds out whom tokens speak for: by the access token, judged as any caller's is, so that a user is the same one with a session
 * as with a token; or, where nobody here can read it, by the ID token, which was made for this service.
 *
 * @param before whom the session spoke for, where a refresh brings no ID token
 * @throws HttpError token_invalid, insufficient_scope, authentication_unavailable
 */
export async function identifyTokens(
  { accessToken, expiresInSeconds = DEFAULT_LIFE_SECONDS, scopes, claims }: Tokens,
  {
    verifier,
    clock,
    rules,
  }: { readonly verifier: TokenVerifier; readonly clock: Clock; readonly rules: IdentityRules },
  before?: SessionIdentity,
): Promise<Identified> {
  try {
    const {
      issuer,
      subject,
      tenant,
      scopes: granted,
      plan,
      expiresAtMs,
    } = await verifier.verify(accessToken);
    return timed({ issuer, subject, tenant, scopes: [...granted], plan }, expiresAtMs, clock.now());
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    if (error.code === 'authentication_unavailable' && before !== undefined) {
      // A refresh goes on as whom it was for: the provider gave these tokens for that grant.
      return timed(before, clock.now() + expiresInSeconds * 1000, clock.now());
    }
    // One that could be judged and was refused lets nobody in, whatever comes with it.
    if (error.code !== 'token_invalid' || rules.introspects || isJws(accessToken)) throw error;
  }
  const { issuer, userClaim, tenantClaim, planClaim, requiredScope } = rules;
  const subject = claims === undefined ? before?.subject : claim.safeParse(claims[userClaim]).data;
  if (subject === undefined)
    throw new HttpError('token_invalid', { reason: `no ${userClaim} in the ID token` });
  const optional = (name: string | undefined, known: string | undefined) =>
    claims === undefined || name === undefined ? known : claim.safeParse(claims[name]).data;
  const tenant = optional(tenantClaim, before?.tenant);
  const plan = optional(planClaim, before?.plan);
  const identity = {
    issuer,
    subject,
    tenant,
    plan,
    scopes: believedScopes(scopes ?? before?.scopes ?? [], rules),
  };
  if (requiredScope !== undefined && !identity.scopes.includes(requiredScope))
    throw new HttpError('insufficient_scope', { scope: requiredScope });
  return timed(identity, clock.now() + expiresInSeconds * 1000, clock.now());
}

function timed(identity: SessionIdentity, accessExpiresAtMs: number, nowMs: number): Identified {
  const aheadMs = Math.min(REFRESH_AHEAD_MS, (accessExpiresAtMs - nowMs) / 2);
  return { identity, accessExpiresAtMs, refreshAtMs: accessExpiresAtMs - aheadMs };
}

export function sessionPrincipal(identity: SessionIdentity, expiresAtMs: number): Principal {
  return createPrincipal({ ...identity, tenant: identity.tenant, expiresAtMs });
}
