import { HttpError } from '../errors.ts';
import { isFresh } from '../lookup/answer.ts';
import { type Found, isOver } from '../lookup/found.ts';
import type { Lookup } from '../lookup/lookup.ts';
import type { Clock } from '../lookup/ports.ts';
import type { Kind } from '../lookup/project.ts';
import type { Watcher } from '../lookup/watcher.ts';
import { answerHeaders } from './answer-headers.ts';
import { matchesEtag } from './conditional.ts';
import { askedFor, findProject } from './find-project.ts';
import { holdUntilOver } from './hold.ts';
import { recheck } from './recheck.ts';
import type { AppRequest, AppResponse, Handler } from './request-context.ts';
import { respond } from './respond.ts';

/**
 * Looks a project up and answers with the upstream's own bytes. A caller who prefers to wait (RFC 7240) is answered once the
 * project is over or the time is up, and never later than their token.
 */
export function serveLookup(
  kind: Kind,
  {
    lookup,
    watcher,
    clock,
  }: { lookup: Pick<Lookup, 'find'>; watcher: Pick<Watcher, 'follow'>; clock: Clock },
): Handler {
  return (req, res) => {
    const { id, waitSeconds } = askedFor(res);
    const answer = (found: Found) => send(req, res, found, waitSeconds, clock.now());
    const answerInTime = (found: Found): void | Promise<void> => {
      const waitMs = waitMsOf(res, waitSeconds, clock.now());
      // Behind another's answer it would not hear that the connection ends.
      if (waitMs <= 0 || isOver(found) || res.destroyed || res.socket === null) return answer(found);
      return holdUntilOver(watcher, { kind, id }, found, waitMs, res).then(async (latest) => {
        if (latest === undefined) return;
        await recheck(res);
        answer(latest);
      });
    };
    const found = findProject(kind, lookup, res);
    if (!(found instanceof Promise)) return answerInTime(found);
    return found.then(async (brought) => {
      await recheck(res);
      return answerInTime(brought);
    });
  };
}

function waitMsOf(res: AppResponse, waitSeconds: number | undefined, nowMs: number): number {
  if (waitSeconds === undefined) return 0;
  return Math.min(waitSeconds * 1000, (res.locals.principal?.expiresAtMs ?? nowMs) - nowMs);
}

function send(
  req: AppRequest,
  res: AppResponse,
  found: Found,
  waitSeconds: number | undefined,
  nowMs: number,
): void {
  const { answer } = found;
  if (!answer.found) throw new HttpError('not_found');
  const headers = [...answerHeaders(answer, found, isFresh(answer, nowMs), nowMs)];
  if (waitSeconds !== undefined) headers.push('Preference-Applied', `wait=${waitSeconds}`);
  if (matchesEtag(req.headers['if-none-match'], answer.etag)) respond(req, res, 304, headers);
  else respond(req, res, 200, [...headers, 'Content-Type', 'application/json'], answer.body);
}
