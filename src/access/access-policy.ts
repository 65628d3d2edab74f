import type { Principal } from '../auth/principal.ts';
import { HttpError } from '../errors.ts';
import type { Kind } from '../lookup/project.ts';
import type { Owners, Relation } from './ownership.ts';

const RETRY_AFTER_SECONDS = 1;

/**
 * Decides, before any cache is asked and on every request, whether a principal may see a project.
 * The cache is shared and grants nothing.
 */
export interface AccessPolicy {
  /**
   * @throws HttpError not_found: a project that is foreign looks like one that is unknown; ownership_unavailable where nobody
   * can tell
   */
  authorize(principal: Principal, kind: Kind, id: string): void | Promise<void>;
  /** Whether it is known without asking anybody that `authorize` would let the principal on; `false` says nothing. */
  allowsAtOnce(principal: Principal, kind: Kind, id: string): boolean;
}

/** Every signed-in user may see every project whose id they know. */
export const authenticatedPolicy: AccessPolicy = {
  authorize: () => undefined,
  allowsAtOnce: () => true,
};

/**
 * Lets those alone see a project who are its owner, or of its tenant. What nobody was named for is nobody's; while it can't be
 * told, nobody is let in. Nothing is remembered: a project that is taken away from somebody is so at once, at every replica.
 */
export function ownershipPolicy(relation: Relation, owners: Pick<Owners, 'isOf'>): AccessPolicy {
  return {
    async authorize(principal, kind, id) {
      const key = relation === 'owner' ? principal.userKey : principal.tenantKey;
      const theirs = await owners.isOf(relation, key, kind, id).catch(ownershipUnavailable);
      if (!theirs) throw new HttpError('not_found');
    },
    allowsAtOnce: () => false,
  };
}

export function ownershipUnavailable(cause: unknown): never {
  throw new HttpError('ownership_unavailable', { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
}
