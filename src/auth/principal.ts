import { hash } from 'node:crypto';

/** Who is asking, as the issuer of the token says. */
export interface Principal {
  readonly subject: string;
  readonly tenant: string | undefined;
  readonly scopes: ReadonlySet<string>;
  /** SHA-256 over issuer and subject, base64url: one user's name in limits and logs, telling nothing of either. */
  readonly userKey: string;
  /** Unix milliseconds until which this is proved. */
  readonly expiresAtMs: number;
}

export function createPrincipal(identity: {
  readonly issuer: string;
  readonly subject: string;
  readonly tenant: string | undefined;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number;
}): Principal {
  const { issuer, subject, tenant, scopes, expiresAtMs } = identity;
  // JSON keeps the two apart: no pair of issuer and subject can be spelled as another pair.
  const userKey = hash('sha256', JSON.stringify([issuer, subject]), 'base64url');
  return { subject, tenant, scopes: new Set(scopes), userKey, expiresAtMs };
}
