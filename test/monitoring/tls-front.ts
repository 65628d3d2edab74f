import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { Certificate } from '../support/certificates.ts';
import { listen } from '../support/http-server.ts';

export interface TlsFront {
  readonly port: number;
  close(): Promise<void>;
}

/** Speaks TLS for a server on 127.0.0.1 that speaks none. */
export async function startTlsFront(plainPort: number, certificate: Certificate): Promise<TlsFront> {
  const [cert, key] = await Promise.all([
    readFile(certificate.certificateFile),
    readFile(certificate.keyFile),
  ]);
  const clients = new Set<TLSSocket>();
  const server = createServer({ cert, key }, (client) => {
    clients.add(client);
    const plain = connect(plainPort, '127.0.0.1');
    client.on('error', () => plain.destroy()).on('close', () => plain.destroy());
    plain.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.once('close', () => clients.delete(client));
    client.pipe(plain).pipe(client);
  });
  const port = await listen(server, 0, '127.0.0.1');
  return {
    port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}
