import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';

/**
 * What discovery and the JWKS answer: as they should, HTTP 500, a page, nothing ever, JSON without keys, a redirect to a
 * good answer, or white space without an end.
 */
export type IssuerMode = 'ok' | 'error' | 'html' | 'hang' | 'empty' | 'redirect' | 'endless';

/** The query of the address to which both documents redirect. */
export const MOVED = '?moved';

function* spaces(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(16_384, ' ');
}

/** Answers a request for the document as the mode says. */
export function answer(response: ServerResponse, mode: IssuerMode, document: object): void {
  if (mode === 'hang') return;
  if (mode === 'html') {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Maintenance</title>');
    return;
  }
  if (mode === 'redirect') {
    response.writeHead(302, { location: MOVED }).end();
    return;
  }
  if (mode === 'endless') {
    response.writeHead(200, { 'content-type': 'application/json' });
    pipeline(spaces, response, () => undefined);
    return;
  }
  const status = mode === 'error' ? 500 : 200;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(mode === 'ok' ? document : {}));
}
