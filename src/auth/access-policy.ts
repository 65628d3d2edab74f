import type { Kind } from '../lookup/project.ts';
import type { Principal } from './principal.ts';

/**
 * Decides, before any cache is asked and on every request, whether a principal may see a project.
 * The cache is shared and grants nothing.
 */
export interface AccessPolicy {
  /** @throws HttpError not_found: a project that is foreign looks like one that is unknown */
  authorize(principal: Principal, kind: Kind, id: string): void | Promise<void>;
  /** Whether it is known without asking anybody that `authorize` would let the principal on; `false` says nothing. */
  allowsAtOnce(principal: Principal, kind: Kind, id: string): boolean;
}

/** Every signed-in user may see every project whose id they know. */
export const authenticatedPolicy: AccessPolicy = {
  authorize: () => undefined,
  allowsAtOnce: () => true,
};
