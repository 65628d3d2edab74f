import { createServer } from 'node:http';
import { closeNow, listen } from './http-server.ts';

/** A port of 127.0.0.1 that was free a moment ago; whoever listens on it must be ready to be too late. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0, '127.0.0.1');
  await closeNow(server);
  return port;
}
