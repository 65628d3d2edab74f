import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, isIP, isIPv6, type Socket } from 'node:net';
import { HttpError } from '../errors.ts';
import {
  awaitAnswer,
  type Connection,
  type Connections,
  endInTurn,
  isOverfull,
  trackConnections,
} from './connections.ts';
import { errorBody } from './error-handler.ts';
import { originForm } from './request-target.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
const CHECK_INTERVAL_MS = 2000;
/** Longer than the 60 s after which common load balancers give an idle connection up: they must be the ones to close. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/**
 * Some 20 KB each, and a file descriptor. One more is closed at once, so that those that are there go on; to share them
 * out among clients is the business of the balancer in front, which knows the clients.
 */
const MAX_CONNECTIONS = 10_000;

export interface Listener {
  readonly server: Server;
  readonly url: string;
  /** Closes the connections that nobody waits on: those between requests, and those on which nothing was ever asked. */
  closeIdle(): void;
}

/** The port can't be had. */
export class CouldNotListenError extends Error {
  override readonly name = 'CouldNotListenError';
  readonly listener: string;
  /** Host and port; of the host only an IP address, since whatever else a setting holds may be there by mistake. */
  readonly address: string;
  /** The system's. */
  readonly code: string;

  constructor(listener: string, host: string, port: number, cause: Error & { readonly code?: unknown }) {
    super('could not listen', { cause });
    this.listener = listener;
    this.address = `${isIP(host) === 0 ? '…' : isIPv6(host) ? `[${host}]` : host}:${port}`;
    this.code = typeof cause.code === 'string' ? cause.code : 'unknown';
  }
}

/**
 * Starts a listener. Requests that Node's parser refuses are answered in the service's own words.
 *
 * @param name for whoever reads of its failure
 * @throws CouldNotListenError
 */
export async function listen(
  app: RequestListener,
  host: string,
  port: number,
  name = 'public',
): Promise<Listener> {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // Its refusal would go out without our headers and words; see refuse-malformed.ts.
    requireHostHeader: false,
    // Nobody reads a body here, so no stream need be kept for one that can't come.
    optimizeEmptyRequests: true,
  });
  server.maxConnections = MAX_CONNECTIONS;
  const connections = trackConnections(server, CHECK_INTERVAL_MS);
  const serve = inTurn(app, connections);
  server.on('request', serve);
  // No route reads a body, so nobody is asked to go on sending one (RFC 9110, 10.1.1).
  server.on('checkContinue', serve);
  server.on('checkExpectation', serve);
  server.on('clientError', (error, socket) => {
    if (isSocket(socket)) refuse(error, connections.of(socket));
    else socket.destroy();
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (error: Error) => reject(new CouldNotListenError(name, host, port, error));
  server.once('error', fail);
  server.listen(port, host, resolve);
  await promise;
  server.off('error', fail);
  return {
    server,
    url: urlOf(server),
    closeIdle() {
      server.closeIdleConnections();
      // To Node one that was only opened (a browser's preconnect, a balancer's spare) waits for its first request.
      for (const { socket } of connections.all()) if (socket.bytesRead === 0) socket.destroy();
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

/** Hands requests over, as long as their connection is to have another answer. */
function inTurn(app: RequestListener, connections: Connections): RequestListener {
  return (req, res) => {
    const connection = connections.of(req.socket);
    if (isOverfull(connection)) endInTurn(connection);
    if (connection.closing) return;
    awaitAnswer(connection, res);
    req.url = originForm(req.url);
    app(req, res);
    if (!res.shouldKeepAlive) connection.closing = true;
  };
}

function refuse(error: Error & { code?: string }, connection: Connection): void {
  const { socket } = connection;
  // A reset connection takes no answer.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    if (connection.refusedAtMs === undefined) socket.destroy();
    return;
  }
  // What is sent now would be taken for the answer to what was asked before.
  if (connection.asked) {
    endInTurn(connection);
    return;
  }
  connection.closing = true;
  connection.refusedAtMs = performance.now();
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
