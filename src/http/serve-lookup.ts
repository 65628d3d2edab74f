import { HttpError } from '../errors.ts';
import { isFresh } from '../lookup/answer.ts';
import { type Found, resultOf } from '../lookup/found.ts';
import type { Lookup } from '../lookup/lookup.ts';
import type { Clock, LookupResult } from '../lookup/ports.ts';
import type { Kind } from '../lookup/project.ts';
import { answerHeaders } from './answer-headers.ts';
import { matchesEtag } from './conditional.ts';
import type { AppRequest, AppResponse, Handler } from './request-context.ts';
import { respond } from './respond.ts';

/** Looks a project up and answers with the upstream's own bytes. */
export function serveLookup(kind: Kind, lookup: Lookup, clock: Clock): Handler {
  return (req, res) => {
    const { lookup: asked, traceparent } = res.locals;
    if (asked === undefined) throw new Error('the lookup was not validated');
    const startedAtMs = performance.now();
    const over = (result: LookupResult) => {
      res.locals.result = result;
      res.locals.lookupMs = performance.now() - startedAtMs;
    };
    const answer = (found: Found) => {
      over(resultOf(found));
      send(req, res, found, clock.now());
    };
    const found = lookup.find({ kind, ...asked, traceparent });
    if (!(found instanceof Promise)) return answer(found);
    return found.then(answer, (error: unknown) => {
      over('error');
      throw error;
    });
  };
}

function send(req: AppRequest, res: AppResponse, found: Found, nowMs: number): void {
  const { answer } = found;
  if (!answer.found) throw new HttpError('not_found');
  const headers = answerHeaders(answer, found, isFresh(answer, nowMs), nowMs);
  if (matchesEtag(req.headers['if-none-match'], answer.etag)) respond(req, res, 304, headers);
  else respond(req, res, 200, [...headers, 'Content-Type', 'application/json'], answer.body);
}
