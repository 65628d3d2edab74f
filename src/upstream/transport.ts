import { ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import axios, { AxiosError } from 'axios';
import { z } from 'zod';

export interface TransportResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** `Date` (RFC 9110, 6.6.1) as it came. */
  readonly date: string | undefined;
  readonly body: Uint8Array;
  /** Ends the connection that it came over. */
  hangUp(): void;
}

/**
 * Why there was no usable response. It never carries axios's own error, which holds the request's headers and so the key.
 */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly problem: 'network' | 'too_large';
  /** Node's or axios's error code, such as ECONNREFUSED. */
  readonly code: string;

  constructor(problem: 'network' | 'too_large', code: string) {
    super(`${problem} (${code})`);
    this.problem = problem;
    this.code = code;
  }
}

export interface Transport {
  /** @throws TransportError */
  get(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<TransportResponse>;
  close(): void;
}

const responseHeaders = z.object({ 'retry-after': z.string().optional(), date: z.string().optional() });

/**
 * One fixed upstream over kept connections: no redirects, no proxy from the environment, any status returned,
 * the body bounded as it comes in.
 */
export function createTransport(options: {
  readonly baseUrl: string;
  readonly maxResponseBytes: number;
  readonly maxSockets: number;
  readonly userAgent: string;
}): Transport {
  const sockets = { keepAlive: true, maxSockets: options.maxSockets, scheduling: 'lifo' } as const;
  const httpAgent = new HttpAgent(sockets);
  const httpsAgent = new HttpsAgent(sockets);
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  const client = axios.create({
    httpAgent,
    httpsAgent,
    proxy: false,
    maxRedirects: 0,
    // A stream, so that the bound holds for the decompressed body and a cut-off body is told from a long one.
    responseType: 'stream',
    validateStatus: () => true,
    headers: {
      common: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': options.userAgent },
    },
  });

  return {
    async get(path, headers, signal) {
      try {
        const response = await client.get<Readable>(baseUrl + path, { headers: { ...headers }, signal });
        const connection = connectionOf(response.request);
        const body = await readBody(response.data, options.maxResponseBytes, signal);
        const { 'retry-after': retryAfter, date } = responseHeaders.parse({ ...response.headers });
        return { status: response.status, retryAfter, date, body, hangUp: () => connection?.destroy() };
      } catch (error) {
        throw error instanceof TransportError ? error : new TransportError('network', codeOf(error));
      }
    },
    close() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

function readBody(stream: Readable, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;
  const abort = () => stream.destroy(new TransportError('network', 'ABORTED'));
  signal.addEventListener('abort', abort, { once: true });
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxBytes) stream.destroy(new TransportError('too_large', 'MAX_RESPONSE_BYTES'));
    else chunks.push(chunk);
  });
  stream.on('end', () =>
    resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)),
  );
  stream.on('error', reject);
  stream.on('close', () => reject(new TransportError('network', 'BODY_CUT_OFF')));
  return promise.finally(() => signal.removeEventListener('abort', abort));
}

function connectionOf(request: unknown): Socket | null {
  return request instanceof ClientRequest ? request.socket : null;
}

function codeOf(error: unknown): string {
  if (error instanceof AxiosError && error.code !== undefined) return error.code;
  return error instanceof Error ? error.name : 'UNKNOWN';
}
