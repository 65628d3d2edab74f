import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import type { AxiosAdapter } from 'axios';
import { decoded } from './content-coding.ts';
import { exchange } from './exchange.ts';
import { KeptConnections, type OnCertificate } from './kept-connections.ts';

export interface HttpAdapters {
  /**
   * The adapter of one request.
   *
   * @param headers are handed in here and not in axios's config, which axios's errors carry and which it copies several
   *   times (a tenth of what the request costs then)
   * @param limitMs how long it may take, to the last byte of the body
   */
  adapterWith(headers: Readonly<Record<string, string>>, limitMs: number): AxiosAdapter;
  close(): void;
}

/**
 * What axios sends its requests by, in place of its own adapter, which costs several times as much: plain `node:http` to
 * one origin, whatever a request's URL says. It follows no redirects and asks no environment for a proxy. Bodies are read
 * whole, and bounded as they come in.
 *
 * @param options.headers go with every request
 */
export function createHttpAdapters(options: {
  readonly baseUrl: string;
  readonly maxResponseBytes: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly onCertificate?: OnCertificate | undefined;
}): HttpAdapters {
  const { maxResponseBytes: maxBytes } = options;
  const base = new URL(options.baseUrl);
  const basePath = base.pathname.replace(/\/+$/, '');
  const { hostname, port } = urlToHttpOptions(base);
  const connections = new KeptConnections(base, options.onCertificate);
  const fixed = { agent: connections, hostname, port };
  const fixedHeaders = ['Host', base.host, ...Object.entries(options.headers).flat()];
  const request = base.protocol === 'https:' ? httpsRequest : httpRequest;

  return {
    adapterWith: (headers, limitMs) => async (config) => {
      const sent = request({
        ...fixed,
        path: `${basePath}${config.url}`,
        // As a list they are sent as they stand; Node would check and fold an object's one by one.
        headers: [...fixedHeaders, ...Object.entries(headers).flat()],
      });
      const { head, body } = await exchange(sent, { maxBytes, limitMs });
      const { date, 'retry-after': retryAfter, 'content-encoding': coding } = head.headers;
      return {
        data: coding === undefined ? body : await decoded(body, coding, maxBytes),
        status: head.statusCode ?? 0,
        statusText: '',
        headers: { ...(date && { date }), ...(retryAfter && { 'retry-after': retryAfter }) },
        config,
        request: sent,
      };
    },
    close: () => connections.destroy(),
  };
}
