import { HttpError } from '../errors.ts';
import { PROJECT_ID_PATTERN } from '../lookup/project.ts';
import type { AppRequest } from './request-context.ts';

/** The `:id` of the path. @throws HttpError invalid_project_id */
export function projectIdOf({ params: { id } }: Pick<AppRequest, 'params'>): string {
  if (typeof id !== 'string' || !PROJECT_ID_PATTERN.test(id)) throw new HttpError('invalid_project_id');
  return id;
}
