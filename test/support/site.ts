import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { Certificate } from './certificates.ts';
import { closeNow, listen } from './http-server.ts';

export interface Site {
  readonly port: number;
  /** What came, oldest first: `METHOD host path`. */
  readonly seen: readonly string[];
  close(): Promise<void>;
}

/**
 * A proxy that ends TLS for whatever host: `/v1` and `/auth` of one of them it hands on to the service, all else is a page.
 *
 * @param apiHost whose `/v1` and `/auth` are the service's
 */
export async function startSite(
  certificate: Certificate,
  apiHost: string,
  serviceUrl: () => string,
  page: string,
  port = 0,
): Promise<Site> {
  const [cert, key] = await Promise.all([
    readFile(certificate.certificateFile),
    readFile(certificate.keyFile),
  ]);
  const seen: string[] = [];
  const server = createServer({ cert, key }, (req, res) => {
    const host = (req.headers.host ?? '').replace(/:\d+$/, '');
    const path = req.url ?? '/';
    seen.push(`${req.method} ${host} ${path.replace(/\?.*/s, '')}`);
    if (host !== apiHost || !/^\/(?:v1|auth)\//.test(path)) {
      res.writeHead(200, { 'Content-Type': 'text/html' }).end(page);
      return;
    }
    const { method, headers } = req;
    const onward = request(serviceUrl() + path, { method, headers, agent: false }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(res);
    });
    onward.on('error', () => res.destroy());
    res.once('close', () => onward.destroy());
    req.pipe(onward);
  });
  return {
    port: await listen(server, port, '127.0.0.1'),
    seen,
    close: () => closeNow(server),
  };
}
