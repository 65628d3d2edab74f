import { Agent, type ClientRequest } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { urlToHttpOptions } from 'node:url';
import { certificateExpiresAtMs } from '../certificate.ts';

/** What the upstream's announcement is shortened by: the time in which a request may be on its way. */
const HINT_MARGIN_MS = 1000;

/** Is told when the certificate ends that the upstream showed in a new TLS session. */
export type OnCertificate = (expiresAtMs: number) => void;

/**
 * A session is gone on with for so long. It brings no certificate: one that was renewed would never be seen.
 */
const SESSION_LIFE_MS = 60 * 60_000;

/**
 * Connections to one upstream, kept for the next request; the one used last is used first, so that those that are not
 * needed are left to be closed. There are never more than requests at a time, which is for the caller to bound.
 *
 * Node's own agent does this for any number of hosts. It takes 7 of the 25 µs that a request costs then, for names of
 * hosts, copies of options, and two calls to the kernel (`setKeepAlive`) for each request; and it heeds an announced
 * `Keep-Alive: timeout` only below a time limit of its own.
 */
export class KeptConnections extends Agent {
  readonly #idle: Socket[] = [];
  readonly #all = new Set<Socket>();
  readonly #open: () => Socket;

  constructor(origin: URL, onCertificate: OnCertificate = () => undefined) {
    super({ keepAlive: true, protocol: origin.protocol });
    this.#open = origin.protocol === 'https:' ? tlsConnector(origin, onCertificate) : tcpConnector(origin);
  }

  /** Gives a request its connection; Node calls it. */
  addRequest(request: ClientRequest): void {
    let kept = this.#idle.pop();
    // Those that were hung up on leave the list only once they are closed.
    while (kept !== undefined && !kept.writable) kept = this.#idle.pop();
    if (kept === undefined) {
      request.onSocket(this.#connect());
      return;
    }
    kept.off('data', hangUp);
    request.reusedSocket = true;
    request.onSocket(kept);
  }

  #connect(): Socket {
    const socket = this.#open();
    this.#all.add(socket);
    // Node tells by it that a request is done with its connection.
    socket.on('free', () => {
      if (!socket.writable) return;
      // What comes while nothing is asked is no answer to what will be.
      socket.on('data', hangUp);
      this.#idle.push(socket);
    });
    socket.on('timeout', () => {
      if (this.#idle.includes(socket)) socket.destroy();
    });
    // One that is in use fails with its request, and one that is not is no loss.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#all.delete(socket);
      const at = this.#idle.indexOf(socket);
      if (at !== -1) this.#idle.splice(at, 1);
    });
    return socket;
  }

  override destroy(): void {
    for (const socket of this.#all) socket.destroy();
  }
}

/**
 * Closes a connection before the upstream does so, which it announces by `Keep-Alive: timeout=<seconds>`: a request that
 * is on its way just then is lost.
 */
export function heedKeepAlive(socket: Socket, header: unknown): void {
  if (typeof header !== 'string') return;
  const seconds = /\btimeout=(\d{1,6})\b/.exec(header)?.[1];
  if (seconds === undefined) return;
  const idleMs = Math.max(1, Number(seconds) * 1000 - HINT_MARGIN_MS);
  if (socket.timeout !== idleMs) socket.setTimeout(idleMs);
}

function hangUp(this: Socket): void {
  this.destroy();
}

function tcpConnector(origin: URL): () => Socket {
  const { hostname, port } = urlToHttpOptions(origin);
  const options = { host: `${hostname}`, port: Number(port ?? 80), noDelay: true, keepAlive: true };
  return () => connectTcp(options);
}

function tlsConnector(origin: URL, onCertificate: OnCertificate): () => Socket {
  const { hostname, port } = urlToHttpOptions(origin);
  const host = `${hostname}`;
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const options = { host, port: Number(port ?? 443), ...servername, ALPNProtocols: ['http/1.1'] };
  /** Saves a handshake most of its work. */
  let session: Buffer | undefined;
  let newSessionAtMs = 0;
  return () => {
    if (performance.now() - newSessionAtMs > SESSION_LIFE_MS) session = undefined;
    const socket = connectTls({ ...options, ...(session && { session }) });
    socket.setNoDelay(true).setKeepAlive(true);
    socket.once('secureConnect', () => {
      if (socket.isSessionReused()) return;
      newSessionAtMs = performance.now();
      const expiresAtMs = certificateExpiresAtMs(socket);
      if (expiresAtMs !== undefined) onCertificate(expiresAtMs);
    });
    socket.on('session', (ticket) => {
      session = ticket;
    });
    socket.once('error', () => {
      session = undefined;
    });
    return socket;
  };
}
