import { type AccessPolicy, authenticatedPolicy, ownershipPolicy } from '../access/access-policy.ts';
import type { Owners, Ownership } from '../access/ownership.ts';
import { tenantKeyOf, userKeyOf } from '../auth/principal.ts';
import type { Config } from '../config.ts';
import type { OwnerRegistry, OwnershipChange } from '../http/serve-owner.ts';
import type { Logger } from '../log.ts';
import { loggedUser } from '../request-log.ts';

/** Who may see what, and the registry that says whose each project is. */
export function openOwnership(
  auth: Pick<Config['auth'], 'accessPolicy' | 'issuers'>,
  { owners, logger }: { readonly owners: Owners; readonly logger: Logger },
): { readonly accessPolicy: AccessPolicy; readonly registry: OwnerRegistry } {
  const [first, ...more] = auth.issuers;
  if (auth.accessPolicy === 'authenticated') logger.event('access_open_to_all_users');
  return {
    accessPolicy:
      auth.accessPolicy === 'authenticated'
        ? authenticatedPolicy
        : ownershipPolicy(auth.accessPolicy, owners),
    registry: {
      owners,
      issuers: [first.issuer, ...more.map(({ issuer }) => issuer)],
      events: {
        ownershipChanged: (change) =>
          logger.event('owner_changed', { ...lineOf(change), ...whoseOf(change.ownership) }),
        ownershipChangeUncertain: ({ ownership, ...change }) =>
          logger.event('owner_change_uncertain', {
            ...lineOf(change),
            ...(ownership !== undefined && whoseOf(ownership)),
          }),
      },
    },
  };
}

function lineOf({ change, kind, id, by, requestId }: Omit<OwnershipChange, 'ownership'>) {
  return { change, kind, project: id, by: loggedUser(by), request_id: requestId };
}

/** Owner and tenant, by hashes alone. */
function whoseOf({ issuer, owner, tenant }: Ownership) {
  return {
    owner: loggedUser(userKeyOf(issuer, owner)),
    ...(tenant !== undefined && { tenant: loggedUser(tenantKeyOf(issuer, tenant)) }),
  };
}
