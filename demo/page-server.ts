import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { transform } from 'esbuild';
import { closeNow, listen, localUrl } from '../test/support/http-server.ts';

/** What stands around the page: in real life the company's own backend and its login. */
export interface PageBackend {
  /** The service's public address. */
  readonly serviceUrl: string;
  /** Where the pictures are. */
  readonly picturesUrl: string;
  /** A token of a user, for one who is signed in. */
  token(user: string): Promise<string>;
}

export interface PageServer {
  /** Also the origin that the service must allow. */
  readonly url: string;
  close(): Promise<void>;
}

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html'],
  '/page.css': ['page.css', 'text/css'],
  '/page.js': ['page.js', 'text/javascript'],
  '/service.js': ['service.js', 'text/javascript'],
  '/explain.js': ['explain.js', 'text/javascript'],
};
const CLIENT = /^GET \/client\/([a-z-]+\.ts)$/;
const TOKEN_LIFETIME_SECONDS = 600;

/**
 * The frontend's side of the demo, on an origin of its own, as in real life: the page's files, and the little that a
 * company's backend does for it. `POST /token` signs in as somebody new, `POST /projects` starts a project.
 *
 * @param backend is known later than this server's address, which the service needs to allow it
 */
export async function startPageServer(backend: Promise<PageBackend>): Promise<PageServer> {
  const server = createServer((request, response) => {
    request.resume();
    answer(`${request.method} ${request.url}`, response).catch(() => response.destroy());
  });

  async function answer(asked: string, response: ServerResponse): Promise<void> {
    const { serviceUrl, picturesUrl, token } = await backend;
    if (asked === 'POST /token') {
      const access_token = await token(`visitor-${randomUUID()}`);
      return sendJson(response, { access_token, expires_in: TOKEN_LIFETIME_SECONDS, service: serviceUrl });
    }
    // Magic Hour would be asked for one here, with the company's key. The emulator takes any id that starts so.
    if (asked === 'POST /projects') return sendJson(response, { id: `demo-${randomUUID()}` });
    const [, source] = CLIENT.exec(asked) ?? [];
    if (source !== undefined) return sendClient(response, source);
    const [file, type] = FILES[asked.replace(/^GET /, '')] ?? [];
    if (file === undefined) return void response.writeHead(404).end();
    response.setHeader('Content-Type', `${type}; charset=utf-8`);
    response.setHeader('Content-Security-Policy', policy(serviceUrl, picturesUrl));
    response.end(await readFile(new URL(`page/${file}`, import.meta.url)));
  }

  const port = await listen(server, 0, '127.0.0.1');
  return { url: localUrl('127.0.0.1', port), close: () => closeNow(server) };
}

/** The client's own sources, in which a browser reads everything but the types. */
async function sendClient(response: ServerResponse, source: string): Promise<void> {
  const { code } = await transform(await readFile(new URL(`../client/${source}`, import.meta.url), 'utf8'), {
    loader: 'ts',
    target: 'es2022',
  });
  response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
  response.end(code);
}

function policy(serviceUrl: string, picturesUrl: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `connect-src 'self' ${serviceUrl}`,
    `img-src data: ${picturesUrl}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join(';');
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(body));
}
