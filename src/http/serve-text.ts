import { strongEtag } from '../lookup/answer.ts';
import { matchesEtag } from './conditional.ts';
import type { Handler } from './request-context.ts';
import { respond } from './respond.ts';

/** Serves a text that stays the same as long as the process runs; made when it is first asked for. */
export function serveText(contentType: string, makeText: () => string): Handler {
  let made: { body: Buffer; etag: string } | undefined;
  function make() {
    const body = Buffer.from(makeText());
    return { body, etag: strongEtag(body) };
  }
  return (req, res) => {
    made ??= make();
    const { body, etag } = made;
    const validators = ['Cache-Control', 'no-cache', 'ETag', etag];
    if (matchesEtag(req.headers['if-none-match'], etag)) respond(req, res, 304, validators);
    else respond(req, res, 200, [...validators, 'Content-Type', contentType], body);
  };
}
