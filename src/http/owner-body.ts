import { z } from 'zod';
import type { Ownership } from '../access/ownership.ts';
import { type ErrorCode, HttpError } from '../errors.ts';
import { PROJECT_ID_PATTERN } from '../lookup/project.ts';
import { readBody } from './read-body.ts';
import type { AppRequest, AppResponse } from './request-context.ts';

const BODY_WITHIN_MS = 10_000;
const MAX_BODY_BYTES = 1024 * 1024;
/** Of one request; more come in several. */
const MAX_ASSIGNMENTS = 1000;

const name = z.string().min(1).max(1024);
const owner = { owner: name, tenant: name.nullish(), issuer: name.nullish() };
const ownerSchema = z.strictObject(owner);
const assignmentSchema = z.strictObject({ id: z.string().regex(PROJECT_ID_PATTERN), ...owner });
const assignmentsSchema = z.strictObject({ assignments: z.array(z.unknown()).min(1).max(MAX_ASSIGNMENTS) });

export interface NamedOwnership {
  readonly id: string;
  readonly ownership: Ownership;
}

/** Reads what the company's backends say of owners. The issuers are those that this service trusts; the first is meant where none is named. */
export function ownerBodies(issuers: readonly [string, ...string[]]) {
  function ownershipOf(given: z.output<typeof ownerSchema>): Ownership | undefined {
    const issuer = given.issuer ?? issuers[0];
    if (!issuers.includes(issuer)) return undefined;
    return { issuer, owner: given.owner, tenant: given.tenant ?? undefined };
  }

  return {
    /** @throws HttpError invalid_owner, and what `readBody` throws */
    async one(req: AppRequest, res: AppResponse): Promise<Ownership> {
      const { data } = ownerSchema.safeParse(await readJson(req, res, 'invalid_owner'));
      const ownership = data && ownershipOf(data);
      if (ownership === undefined) throw new HttpError('invalid_owner');
      return ownership;
    },
    /**
     * @returns `undefined` in the place of each that can't be used
     * @throws HttpError invalid_assignments, and what `readBody` throws
     */
    async many(req: AppRequest, res: AppResponse): Promise<Array<NamedOwnership | undefined>> {
      const { data } = assignmentsSchema.safeParse(await readJson(req, res, 'invalid_assignments'));
      if (data === undefined) throw new HttpError('invalid_assignments');
      return data.assignments.map((each) => {
        const assignment = assignmentSchema.safeParse(each).data;
        const ownership = assignment && ownershipOf(assignment);
        return ownership && { id: assignment.id, ownership };
      });
    },
  };
}

async function readJson(req: AppRequest, res: AppResponse, code: ErrorCode): Promise<unknown> {
  const [type = ''] = (req.headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json') throw new HttpError(code, { reason: 'content type' });
  const body = await readBody(req, res, { maxBytes: MAX_BODY_BYTES, withinMs: BODY_WITHIN_MS });
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new HttpError(code, { reason: 'not JSON' });
  }
}
