import { ClientRequest } from 'node:http';
import { Axios, AxiosError } from 'axios';
import { createHttpAdapters } from './http-adapter.ts';
import type { OnCertificate } from './kept-connections.ts';
import { TransportError } from './transport-error.ts';

export interface TransportResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** `Date` (RFC 9110, 6.6.1) as it came. */
  readonly date: string | undefined;
  readonly body: Uint8Array;
  /** Ends the connection that it came over. */
  hangUp(): void;
}

export interface Transport {
  /**
   * @param limitMs how long it may take, to the last byte of the body
   * @throws TransportError
   */
  get(path: string, headers: Readonly<Record<string, string>>, limitMs: number): Promise<TransportResponse>;
  close(): void;
}

/**
 * One fixed upstream over kept connections: no redirects, no proxy from the environment, any status returned, the body
 * bounded as it comes in.
 */
export function createTransport(options: {
  readonly baseUrl: string;
  readonly maxResponseBytes: number;
  readonly userAgent: string;
  readonly onCertificate?: OnCertificate;
}): Transport {
  const http = createHttpAdapters({
    baseUrl: options.baseUrl,
    maxResponseBytes: options.maxResponseBytes,
    headers: { Accept: 'application/json', 'Accept-Encoding': 'identity', 'User-Agent': options.userAgent },
    onCertificate: options.onCertificate,
  });
  // The bare class, since the ready-made instance merges all of axios's defaults into each request.
  const client = new Axios();

  return {
    async get(path, headers, limitMs) {
      try {
        const adapter = http.adapterWith(headers, limitMs);
        const response = await client.request<Buffer>({ url: path, adapter });
        const { request, status, data: body } = response;
        const [retryAfter, date] = [textOf(response.headers['retry-after']), textOf(response.headers.date)];
        return { status, retryAfter, date, body, hangUp: () => hangUp(request) };
      } catch (error) {
        throw error instanceof TransportError ? error : new TransportError('network', codeOf(error));
      }
    },
    close: http.close,
  };
}

function hangUp(request: unknown): void {
  if (request instanceof ClientRequest) request.socket?.destroy();
}

function textOf(header: unknown): string | undefined {
  return typeof header === 'string' ? header : undefined;
}

function codeOf(error: unknown): string {
  if (error instanceof AxiosError && error.code !== undefined) return error.code;
  return error instanceof Error ? error.name : 'UNKNOWN';
}
