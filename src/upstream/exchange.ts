import type { ClientRequest, IncomingMessage } from 'node:http';
import { heedKeepAlive } from './kept-connections.ts';
import { TransportError } from './transport-error.ts';

export interface Exchanged {
  readonly head: IncomingMessage;
  readonly body: Buffer;
}

/** How a connection breaks that the other side has closed. */
const CLOSED_CODES = new Set(['ECONNRESET', 'EPIPE']);

/**
 * Sends a request without a body, and reads its response to the end.
 *
 * @throws TransportError also where the body is longer than allowed, or it takes longer
 */
export function exchange(
  request: ClientRequest,
  { maxBytes, limitMs }: { readonly maxBytes: number; readonly limitMs: number },
): Promise<Exchanged> {
  const { promise, resolve, reject } = Promise.withResolvers<Exchanged>();
  let response: IncomingMessage | undefined;
  const timer = setTimeout(() => fail(new TransportError('timeout', 'TIME_LIMIT')), limitMs);

  function fail(error: TransportError): void {
    clearTimeout(timer);
    reject(error);
    request.destroy();
  }

  function read(head: IncomingMessage): void {
    response = head;
    const chunks: Buffer[] = [];
    let length = 0;
    heedKeepAlive(head.socket, head.headers['keep-alive']);
    head.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) fail(new TransportError('too_large', 'MAX_RESPONSE_BYTES'));
      else chunks.push(chunk);
    });
    head.on('end', () => {
      clearTimeout(timer);
      const [only] = chunks;
      resolve({ head, body: chunks.length === 1 && only ? only : Buffer.concat(chunks, length) });
    });
    head.on('error', (error) => fail(new TransportError('network', codeOf(error))));
  }

  request.on('response', read);
  request.on('error', (error) => {
    // What came behind a whole response is nobody's, and the connection is gone for it.
    if (response?.complete) return;
    const code = codeOf(error);
    fail(new TransportError(request.reusedSocket && CLOSED_CODES.has(code) ? 'stale' : 'network', code));
  });
  request.end();
  return promise;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
