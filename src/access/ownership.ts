import { z } from 'zod';
import { tenantKeyOf, userKeyOf } from '../auth/principal.ts';
import type { Kind } from '../lookup/project.ts';

/** Whose a project is. */
export interface Ownership {
  /** Who names `owner` and `tenant`: the `iss` of the owner's tokens. */
  readonly issuer: string;
  /** The owner's subject (`AUTH_USER_CLAIM`). */
  readonly owner: string;
  readonly tenant: string | undefined;
}

export type Assignment = 'assigned' | 'unchanged' | 'conflict';

/** What may be asked of a caller: to be a project's owner, or of its tenant. */
export type Relation = 'owner' | 'tenant';

/** Remembers whose each project is. Every call rejects where that can't be told, or not be kept, at the moment. */
export interface Owners {
  /**
   * Takes as long whether the project is another's or nobody's.
   *
   * @param key of a principal: `userKey` for its owner, `tenantKey` for its tenant; `undefined` is nobody
   */
  isOf(relation: Relation, key: string | undefined, kind: Kind, id: string): Promise<boolean>;
  find(kind: Kind, id: string): Promise<Ownership | undefined>;
  /** The first writer wins; the same again changes nothing, and lets it live on. */
  assign(kind: Kind, id: string, ownership: Ownership): Promise<Assignment>;
  /** @returns whose it was */
  release(kind: Kind, id: string): Promise<Ownership | undefined>;
}

/** SHA-256 in base64url. */
const KEY_LENGTH = 43;
/** No hash has this character. */
const NO_TENANT = '.'.repeat(KEY_LENGTH);

/** What stands where in an encoded ownership, of one byte a character. */
export const PLACES: Readonly<Record<Relation, { readonly from: number; readonly to: number }>> = {
  owner: { from: 0, to: KEY_LENGTH },
  tenant: { from: KEY_LENGTH, to: 2 * KEY_LENGTH },
};

/** What names those who may see a project, beside its own name: its owner and, if it has one, its tenant. */
export function grantsOf({ issuer, owner, tenant }: Ownership): string[] {
  const grants = [grantOf('owner', userKeyOf(issuer, owner))];
  if (tenant !== undefined) grants.push(grantOf('tenant', tenantKeyOf(issuer, tenant)));
  return grants;
}

export function grantOf(relation: Relation, key: string): string {
  return `${relation}:${key}`;
}

const written = z.tuple([z.string(), z.string(), z.string().nullable()]);

/** The keys of owner and tenant, at fixed places so that nobody need parse the rest to compare them; then their names. */
export function encodeOwnership({ issuer, owner, tenant }: Ownership): string {
  const tenantKey = tenant === undefined ? NO_TENANT : tenantKeyOf(issuer, tenant);
  return userKeyOf(issuer, owner) + tenantKey + JSON.stringify([issuer, owner, tenant ?? null]);
}

/** @returns `undefined` for what `encodeOwnership` did not write */
export function decodeOwnership(encoded: string): Ownership | undefined {
  try {
    const [issuer, owner, tenant] = written.parse(JSON.parse(encoded.slice(2 * KEY_LENGTH)));
    const ownership = { issuer, owner, tenant: tenant ?? undefined };
    return encodeOwnership(ownership) === encoded ? ownership : undefined;
  } catch {
    return undefined;
  }
}
