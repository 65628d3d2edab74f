import { connect, type Socket } from 'node:net';
import { createResponseReader } from './response-reader.ts';

/** Kept connections to one server, as many as there are requests at a time: what a load balancer has. */
export interface ConnectionPool extends Disposable {
  /** @returns the status of the answer; rejects where the connection ends before */
  send(request: Buffer): Promise<number>;
}

interface Connection {
  readonly socket: Socket;
  waiting: PromiseWithResolvers<number> | undefined;
}

export function createConnectionPool(url: string): ConnectionPool {
  const { hostname, port } = new URL(url);
  const all = new Set<Connection>();
  const free = new Set<Connection>();

  function open(): Connection {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const connection: Connection = { socket, waiting: undefined };
    all.add(connection);
    const read = createResponseReader((status) => {
      const { waiting } = connection;
      connection.waiting = undefined;
      free.add(connection);
      waiting?.resolve(status);
    });
    socket.on('data', read);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      all.delete(connection);
      free.delete(connection);
      connection.waiting?.reject(new Error('a connection was closed under load'));
    });
    return connection;
  }

  return {
    send(request) {
      // The one that is idle for the longest, so that none is idle until the server closes it.
      const [connection = open()] = free;
      free.delete(connection);
      const waiting = Promise.withResolvers<number>();
      connection.waiting = waiting;
      connection.socket.write(request);
      return waiting.promise;
    },
    [Symbol.dispose]() {
      for (const { socket } of all) socket.destroy();
    },
  };
}
