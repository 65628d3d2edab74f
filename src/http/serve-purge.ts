import { HttpError } from '../errors.ts';
import type { Kind } from '../lookup/project.ts';
import { projectIdOf } from './project-id.ts';
import type { Handler } from './request-context.ts';
import { respond } from './respond.ts';

/** Forgets a project everywhere. 204 says that Redis did and that every replica was told. */
export function servePurge(kind: Kind, purge: (kind: Kind, id: string) => Promise<void>): Handler {
  return async (req, res) => {
    const id = projectIdOf(req);
    try {
      await purge(kind, id);
    } catch (error) {
      throw new HttpError('cache_unavailable', { cause: error, retryAfterSeconds: 1 });
    }
    respond(req, res, 204, []);
  };
}
