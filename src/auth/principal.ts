import { hash } from 'node:crypto';

/** Who is asking, as the issuer of the token says. */
export interface Principal {
  /** Subjects and tenants are names of this issuer alone (RFC 7519, 4.1.2). */
  readonly issuer: string;
  readonly subject: string;
  readonly tenant: string | undefined;
  readonly scopes: ReadonlySet<string>;
  /** What the user pays for, as `AUTH_PLAN_CLAIM` says; limits may differ by it. */
  readonly plan: string | undefined;
  /** SHA-256 over issuer and subject, base64url: one user's name in limits and logs, telling nothing of either. */
  readonly userKey: string;
  /** The same over issuer and tenant; no tenant's is a user's. */
  readonly tenantKey: string | undefined;
  /** Unix milliseconds until which this is proved. */
  readonly expiresAtMs: number;
  /** Whether the issuer can take it back before that: then it is asked again before anything is told late. */
  readonly revocable: boolean;
}

export function createPrincipal(identity: {
  readonly issuer: string;
  readonly subject: string;
  readonly tenant: string | undefined;
  readonly scopes: readonly string[];
  readonly plan?: string | undefined;
  readonly expiresAtMs: number;
  readonly revocable?: boolean;
}): Principal {
  const { issuer, subject, tenant, scopes, plan, expiresAtMs, revocable = false } = identity;
  const userKey = userKeyOf(issuer, subject);
  const tenantKey = tenant === undefined ? undefined : tenantKeyOf(issuer, tenant);
  return {
    issuer,
    subject,
    tenant,
    scopes: new Set(scopes),
    plan,
    userKey,
    tenantKey,
    expiresAtMs,
    revocable,
  };
}

export function userKeyOf(issuer: string, subject: string): string {
  // JSON keeps the two apart: no pair of issuer and subject can be spelled as another pair.
  return hash('sha256', JSON.stringify([issuer, subject]), 'base64url');
}

export function tenantKeyOf(issuer: string, tenant: string): string {
  return hash('sha256', JSON.stringify([issuer, 'tenant', tenant]), 'base64url');
}
