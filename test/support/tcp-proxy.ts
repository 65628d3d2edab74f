import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from './http-server.ts';

/** Stands between a client and a server on 127.0.0.1, and does to their bytes what a bad network does. */
export interface TcpProxy {
  readonly port: number;
  /** From now on every piece that the server sends waits that long first, in order. */
  delayReplies(delayMs: number): void;
  /** From now on nothing passes and nobody is told, on open connections and on new ones. */
  swallow(): void;
  /** New connections go there; those that are open stay where they are. */
  leadTo(serverPort: number): void;
  /** New connections pass again; those that were swallowed stay open, and dead. */
  pass(): void;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

export async function startTcpProxy(firstServerPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let serverPort = firstServerPort;
  let delayMs = 0;
  let swallowing = new AbortController();

  function track(socket: Socket): Socket {
    sockets.add(socket);
    return socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  }

  const server = createServer((client) => {
    track(client).resume();
    const { signal: dead } = swallowing;
    if (dead.aborted) return;
    const upstream = track(connect(serverPort, HOST));
    let sent = Promise.resolve();
    client.on('data', (chunk) => {
      if (!dead.aborted) upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      const dueMs = performance.now() + delayMs;
      sent = sent.then(async () => {
        const leftMs = dueMs - performance.now();
        if (leftMs > 0) await sleep(leftMs);
        if (!dead.aborted) client.write(chunk);
      });
    });
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => {
      if (!dead.aborted) client.destroy();
    });
  });
  const port = await listen(server, 0, HOST);

  return {
    port,
    delayReplies: (ms) => {
      delayMs = ms;
    },
    leadTo: (otherPort) => {
      serverPort = otherPort;
    },
    swallow: () => swallowing.abort(),
    pass: () => {
      swallowing = new AbortController();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
