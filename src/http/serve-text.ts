import { createHash } from 'node:crypto';
import { matchesEtag } from './conditional.ts';
import type { Handler } from './request-context.ts';
import { respond } from './respond.ts';

/** Serves a text that stays the same as long as the process runs. */
export function serveText(contentType: string, text: string): Handler {
  const body = Buffer.from(text);
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  const validators = ['Cache-Control', 'no-cache', 'ETag', etag];
  return (req, res) => {
    if (matchesEtag(req.headers['if-none-match'], etag)) respond(req, res, 304, validators);
    else respond(req, res, 200, [...validators, 'Content-Type', contentType], body);
  };
}
