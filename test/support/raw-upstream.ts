import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { listen, localUrl } from './http-server.ts';

/** An upstream that says just the bytes that it is told to, HTTP or not. */
export interface RawUpstream {
  readonly baseUrl: string;
  /** Request lines, in the order in which they came. */
  readonly requestLines: readonly string[];
  /** Open connections. */
  connections(): number;
  /** From now on each request is answered by this. */
  respondWith(respond: (socket: Socket) => void): void;
  close(): Promise<void>;
}

export async function startRawUpstream(): Promise<RawUpstream> {
  const sockets = new Set<Socket>();
  const requestLines: string[] = [];
  let respond: (socket: Socket) => void = (socket) => socket.destroy();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      for (let end = received.indexOf('\r\n\r\n'); end !== -1; end = received.indexOf('\r\n\r\n')) {
        requestLines.push(received.slice(0, received.indexOf('\r\n')));
        received = received.slice(end + 4);
        respond(socket);
      }
    });
  });
  const port = await listen(server, 0, '127.0.0.1');
  return {
    baseUrl: localUrl('127.0.0.1', port),
    requestLines,
    connections: () => sockets.size,
    respondWith(next) {
      respond = next;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A whole response with the length of its body. */
export function rawResponse(
  body: string | Uint8Array,
  { status = '200 OK', headers = ['Content-Type: application/json'] } = {},
): Buffer {
  const bytes = Buffer.from(body);
  const head = [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${bytes.length}`].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), bytes]);
}
