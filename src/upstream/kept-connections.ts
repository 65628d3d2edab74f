import { Agent, type ClientRequest } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { urlToHttpOptions } from 'node:url';

/** What the upstream's announcement is shortened by: the time in which a request may be on its way. */
const HINT_MARGIN_MS = 1000;

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

  constructor(origin: URL) {
    super({ keepAlive: true, protocol: origin.protocol });
    this.#open = origin.protocol === 'https:' ? tlsConnector(origin) : tcpConnector(origin);
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

function tlsConnector(origin: URL): () => Socket {
  const { hostname, port } = urlToHttpOptions(origin);
  const host = `${hostname}`;
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const options = { host, port: Number(port ?? 443), ...servername, ALPNProtocols: ['http/1.1'] };
  /** Saves a handshake most of its work. */
  let session: Buffer | undefined;
  return () => {
    const socket = connectTls({ ...options, ...(session && { session }) });
    socket.setNoDelay(true).setKeepAlive(true);
    socket.on('session', (ticket) => {
      session = ticket;
    });
    socket.once('error', () => {
      session = undefined;
    });
    return socket;
  };
}
