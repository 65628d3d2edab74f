import { ownershipUnavailable } from '../access/access-policy.ts';
import type { Owners, Ownership } from '../access/ownership.ts';
import { HttpError } from '../errors.ts';
import type { Kind } from '../lookup/project.ts';
import { ownerBodies } from './owner-body.ts';
import { projectIdOf } from './project-id.ts';
import type { AppRequest, AppResponse, Handler, RequestContext } from './request-context.ts';
import { NO_STORE, respond, UNSTORED_JSON } from './respond.ts';

/** So many at a time, so that a long list keeps no lookup waiting behind it. */
const AT_A_TIME = 50;

/** A change of whose a project is, for the audit log. */
export interface OwnershipChange {
  readonly change: 'assigned' | 'released';
  readonly kind: Kind;
  readonly id: string;
  readonly ownership: Ownership;
  /** Who did it, by their `userKey`. */
  readonly by: string;
  readonly requestId: string;
}

/** @property ownership whose it was to be */
export type UncertainChange = Omit<OwnershipChange, 'ownership'> &
  Partial<Pick<OwnershipChange, 'ownership'>>;

export interface OwnershipEvents {
  ownershipChanged(change: OwnershipChange): void;
  /** The registry took it and no reply came: it may have happened. What is sent again finds nothing to change then. */
  ownershipChangeUncertain(change: UncertainChange): void;
}

export interface OwnerRegistry {
  readonly owners: Omit<Owners, 'isOf'>;
  /** Those that owners can be named of; the first where a body names none. */
  readonly issuers: readonly [string, ...string[]];
  readonly events: OwnershipEvents;
}

/** Tells whose a project is, takes whose it is, and lets go of it, for the company's own backends. */
export function serveOwner(kind: Kind, { owners, issuers, events }: OwnerRegistry) {
  const bodies = ownerBodies(issuers);
  const inFull = <Told>(res: AppResponse, told: Told) => ({
    ...told,
    kind,
    by: doerOf(res.locals),
    requestId: res.locals.requestId,
  });
  const uncertain =
    (res: AppResponse, told: Pick<UncertainChange, 'change' | 'id' | 'ownership'>) => (cause: unknown) => {
      events.ownershipChangeUncertain(inFull(res, told));
      return ownershipUnavailable(cause);
    };
  const assign = async (res: AppResponse, id: string, ownership: Ownership) => {
    const told = { change: 'assigned', id, ownership } as const;
    const result = await owners.assign(kind, id, ownership).catch(uncertain(res, told));
    if (result === 'assigned') events.ownershipChanged(inFull(res, told));
    return result;
  };

  const get: Handler = async (req, res) => {
    const ownership = await owners.find(kind, projectIdOf(req)).catch(ownershipUnavailable);
    if (ownership === undefined) throw new HttpError('not_found', { reason: 'no owner' });
    sendOwnership(req, res, 200, ownership);
  };

  const put: Handler = async (req, res) => {
    const id = projectIdOf(req);
    const ownership = await bodies.one(req, res);
    const result = await assign(res, id, ownership);
    if (result === 'conflict') throw new HttpError('owner_conflict');
    sendOwnership(req, res, result === 'assigned' ? 201 : 200, ownership);
  };

  const remove: Handler = async (req, res) => {
    const id = projectIdOf(req);
    const told = { change: 'released', id } as const;
    const ownership = await owners.release(kind, id).catch(uncertain(res, told));
    if (ownership !== undefined) events.ownershipChanged(inFull(res, { ...told, ownership }));
    respond(req, res, 204, NO_STORE);
  };

  /** Each by itself: what is not assigned says so in its place, and the same list can be sent again. */
  const putMany: Handler = async (req, res) => {
    const assignments = await bodies.many(req, res);
    const results: Array<{ id: string | null; result: string }> = [];
    for (let from = 0; from < assignments.length; from += AT_A_TIME) {
      const some = assignments.slice(from, from + AT_A_TIME).map(async (each) => {
        if (each === undefined) return { id: null, result: 'invalid' };
        return { id: each.id, result: await assign(res, each.id, each.ownership) };
      });
      results.push(...(await Promise.all(some)));
    }
    respond(req, res, 200, UNSTORED_JSON, Buffer.from(JSON.stringify({ results })));
  };

  return { get, put, remove, putMany };
}

function doerOf({ principal }: RequestContext): string {
  if (principal === undefined) throw new HttpError('token_missing');
  return principal.userKey;
}

function sendOwnership(req: AppRequest, res: AppResponse, status: number, ownership: Ownership): void {
  // Without a tenant there is none in the body, too.
  respond(req, res, status, UNSTORED_JSON, Buffer.from(JSON.stringify(ownership)));
}
