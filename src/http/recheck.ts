import type { AppResponse, Recheck } from './request-context.ts';

/** Has something asked again before anything is told later than at once. */
export function addRecheck(res: AppResponse, ask: Recheck): void {
  res.locals.rechecks = [...(res.locals.rechecks ?? []), ask];
}

/**
 * Whether what was decided as the request came still holds.
 *
 * @returns `undefined` where nothing of it can change
 * @throws (by its promise) HttpError where it holds no more, or nobody can tell
 */
export function recheck({ locals: { rechecks } }: AppResponse): Promise<void> | undefined {
  return rechecks && Promise.all(rechecks.map(async (ask) => ask())).then(() => undefined);
}
