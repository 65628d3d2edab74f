import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Server as TcpServer } from 'node:net';

/** @returns the port; rejects with Node's own error, for instance `EADDRINUSE` */
export async function listen(server: TcpServer, port: number, host: string): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  return portOf(server.address());
}

/** Ends every connection, those in use included, and frees the port. Closing twice is no error. */
export async function closeNow(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** A URL that a client on this machine can use, also when the server listens on all addresses. */
export function localUrl(host: string, port: number): string {
  return `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address');
  return address.port;
}
