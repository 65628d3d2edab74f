import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How long answers may wait for their client to read; what Magic Hour sends is taken in far less on any line. */
const UNREAD_TIMEOUT_MS = 20_000;
/** How long a refused client is still read from, so that a reset does not overtake the refusal. */
const LINGER_MS = 2000;
/** Browsers, SDKs and balancers don't pipeline; whoever did it without end would have answers pile up here. */
const MAX_UNANSWERED = 128;

/** What is known of an open connection. */
export interface Connection {
  readonly socket: Socket;
  /** Whether there was a request on it. */
  asked: boolean;
  /** Requests whose answers are not with the system yet. */
  unanswered: number;
  /** The last answer is decided on: whatever comes behind is no request (RFC 9112, 9.6). */
  closing: boolean;
  /** From `performance.now()`. */
  refusedAtMs?: number;
  unreadSinceMs?: number | undefined;
}

export interface Connections {
  of(socket: Socket): Connection;
  all(): Iterable<Connection>;
}

/** Keeps account of a server's connections, and ends those whose clients don't take what they are sent. */
export function trackConnections(server: Server, checkIntervalMs: number): Connections {
  const connections = new Map<Socket, Connection>();

  function add(socket: Socket): Connection {
    const connection = { socket, asked: false, unanswered: 0, closing: false };
    connections.set(socket, connection);
    socket.once('close', () => connections.delete(socket));
    return connection;
  }

  const checks = setInterval(() => {
    const nowMs = performance.now();
    for (const connection of connections.values()) {
      // A reset frees what the system holds for it as well.
      if (isLeftUnread(connection, nowMs)) connection.socket.resetAndDestroy();
    }
  }, checkIntervalMs);
  checks.unref();
  server.once('close', () => clearInterval(checks));
  server.on('connection', add);
  return { of: (socket) => connections.get(socket) ?? add(socket), all: () => connections.values() };
}

/** Counts a request as unanswered until the system has taken its answer, or its connection is gone. */
export function awaitAnswer(connection: Connection, res: ServerResponse): void {
  connection.asked = true;
  connection.unanswered += 1;
  res.on('close', () => {
    connection.unanswered -= 1;
    if (connection.closing) endInTurn(connection);
  });
}

/** Ends a connection behind the answers that it owes. */
export function endInTurn(connection: Connection): void {
  connection.closing = true;
  if (connection.unanswered === 0) connection.socket.destroySoon();
}

/** Whether its client has asked for more than it may leave untaken. */
export function isOverfull({ unanswered }: Connection): boolean {
  return unanswered >= MAX_UNANSWERED;
}

/** Node has no limit of its own for a client that takes no answer. */
function isLeftUnread(connection: Connection, nowMs: number): boolean {
  const { refusedAtMs = nowMs, socket } = connection;
  if (socket.writableLength === 0) connection.unreadSinceMs = undefined;
  else connection.unreadSinceMs ??= nowMs;
  const unreadSinceMs = connection.unreadSinceMs ?? nowMs;
  return nowMs - refusedAtMs > LINGER_MS || nowMs - unreadSinceMs > UNREAD_TIMEOUT_MS;
}
