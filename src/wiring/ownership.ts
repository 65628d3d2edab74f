import { type AccessPolicy, authenticatedPolicy, ownershipPolicy } from '../access/access-policy.ts';
import type { Owners } from '../access/ownership.ts';
import { userKeyOf } from '../auth/principal.ts';
import type { Config } from '../config.ts';
import type { OwnerRegistry } from '../http/serve-owner.ts';
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
        ownershipChanged({ change, kind, id, ownership, by, requestId }) {
          logger.event('owner_changed', {
            change,
            kind,
            project: id,
            owner: loggedUser(userKeyOf(ownership.issuer, ownership.owner)),
            by: loggedUser(by),
            request_id: requestId,
          });
        },
      },
    },
  };
}
