import { type Found, isOver } from '../lookup/found.ts';
import type { Kind } from '../lookup/project.ts';
import type { Watcher } from '../lookup/watcher.ts';
import type { AppResponse } from './request-context.ts';

/**
 * Holds a request until the project is over, the time is up, this process stops or the caller leaves.
 *
 * @returns the latest state; `undefined` where the caller has left
 */
export function holdUntilOver(
  watcher: Pick<Watcher, 'follow'>,
  project: { readonly kind: Kind; readonly id: string },
  known: Found,
  waitMs: number,
  res: AppResponse,
): Promise<Found | undefined> {
  const { promise, resolve } = Promise.withResolvers<Found | undefined>();
  const following = watcher.follow(project.kind, project.id, known, {
    payer: res.locals.followerPayer,
    changed(found) {
      if (isOver(found)) end(found);
    },
    ended: answer,
  });
  const timer = setTimeout(answer, waitMs);
  res.once('close', leave);
  res.locals.held = { sinceMs: performance.now(), untilMs: undefined };

  function answer(): void {
    end(following.latest);
  }
  function leave(): void {
    end(undefined);
  }
  function end(found: Found | undefined): void {
    clearTimeout(timer);
    following.leave();
    res.off('close', leave);
    if (res.locals.held !== undefined) res.locals.held.untilMs ??= performance.now();
    resolve(found);
  }
  return promise;
}
