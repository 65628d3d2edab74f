import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6, type Socket } from 'node:net';
import { HttpError } from '../errors.ts';
import { errorBody } from './error-handler.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
const CHECK_INTERVAL_MS = 2000;
/** Longer than the 60 s after which common load balancers give an idle connection up: they must be the ones to close. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

export interface Listener {
  readonly server: Server;
  readonly url: string;
  /** Closes the connections that nobody waits on: those between requests, and those on which nothing was ever asked. */
  closeIdle(): void;
}

/** Starts a listener. Requests that Node's parser refuses are answered in the service's own words. */
export async function listen(app: RequestListener, host: string, port: number): Promise<Listener> {
  /** Open connections, and the last answer that was begun on each. */
  const connections = new Map<Socket, ServerResponse | undefined>();
  const serve: RequestListener = (req, res) => {
    connections.set(req.socket, res);
    app(req, res);
  };
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      // Its refusal would go out without our headers and words; see refuse-malformed.ts.
      requireHostHeader: false,
    },
    serve,
  );
  // No route reads a body, so nobody is asked to go on sending one (RFC 9110, 10.1.1).
  server.on('checkContinue', serve);
  server.on('checkExpectation', serve);
  server.on('connection', (socket) => {
    connections.set(socket, undefined);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('clientError', (error, socket) => {
    if (isSocket(socket)) refuse(error, socket, connections.get(socket));
    else socket.destroy();
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, host, resolve);
  await promise;
  server.off('error', reject);
  return {
    server,
    url: urlOf(server),
    closeIdle() {
      server.closeIdleConnections();
      // To Node one that was only opened (a browser's preconnect, a balancer's spare) waits for its first request.
      for (const socket of connections.keys()) if (socket.bytesRead === 0) socket.destroy();
    },
  };
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no address');
  return `http://${hostOf(address)}:${address.port}`;
}

/** An address of all interfaces is no place to send a request to. */
function hostOf({ address }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1';
  return isIPv6(address) ? `[${address}]` : address;
}

function isSocket(stream: object): stream is Socket {
  return 'bytesWritten' in stream;
}

/** @param before the last answer that was begun on this connection */
function refuse(error: Error & { code?: string }, socket: Socket, before: ServerResponse | undefined): void {
  // A reset connection takes no answer.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  if (before !== undefined) {
    // What comes next would be taken for the answer to what was asked before: that is answered, and nothing after it.
    socket.pause();
    if (before.closed) socket.destroySoon();
    else before.once('close', () => socket.destroySoon());
    return;
  }
  const refusal = refusalOf(error.code);
  const requestId = randomUUID();
  const body = JSON.stringify(errorBody(refusal, requestId));
  const head = [
    `HTTP/1.1 ${refusal.status} ${refusal.status === 431 ? 'Request Header Fields Too Large' : 'Bad Request'}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    `X-Request-Id: ${requestId}`,
    ...SECURITY_HEADERS.map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function refusalOf(code: string | undefined): HttpError {
  return code === 'HPE_HEADER_OVERFLOW'
    ? new HttpError('request_too_large', { status: 431 })
    : new HttpError('invalid_request');
}
