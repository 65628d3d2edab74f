import { createHash } from 'node:crypto';
import { matchesEtag } from './conditional.ts';
import type { Handler } from './request-context.ts';

/** Serves a text that stays the same as long as the process runs. */
export function serveText(contentType: string, text: string): Handler {
  const body = Buffer.from(text);
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  return (req, res) => {
    res.setHeader('Cache-Control', 'no-cache');
    res.setHeader('ETag', etag);
    if (matchesEtag(req.headers['if-none-match'], etag)) {
      res.status(304).end();
      return;
    }
    res.setHeader('Content-Type', contentType);
    res.setHeader('Content-Length', body.length);
    res.status(200).end(req.method === 'HEAD' ? undefined : body);
  };
}
