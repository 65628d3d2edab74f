import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import type { AxiosAdapter, InternalAxiosRequestConfig } from 'axios';
import { decoded } from './content-coding.ts';
import { exchange } from './exchange.ts';
import { KeptConnections } from './kept-connections.ts';

export interface HttpAdapter {
  readonly send: AxiosAdapter;
  close(): void;
}

/**
 * What axios sends its requests by, in place of its own adapter, which costs several times as much: plain `node:http` to
 * one origin, whatever a request's URL says. It follows no redirects and asks no environment for a proxy. Bodies are read
 * whole, and bounded as they come in.
 *
 * @param options.headers go with every request
 */
export function createHttpAdapter(options: {
  readonly baseUrl: string;
  readonly maxResponseBytes: number;
  readonly headers: Readonly<Record<string, string>>;
}): HttpAdapter {
  const { maxResponseBytes } = options;
  const base = new URL(options.baseUrl);
  const basePath = base.pathname.replace(/\/+$/, '');
  const { hostname, port } = urlToHttpOptions(base);
  const connections = new KeptConnections(base);
  const fixed = { agent: connections, hostname, port };
  const fixedHeaders = ['Host', base.host, ...Object.entries(options.headers).flat()];
  const request = base.protocol === 'https:' ? httpsRequest : httpRequest;

  function open({ url = '/', headers }: InternalAxiosRequestConfig): ClientRequest {
    return request({
      ...fixed,
      path: basePath + url,
      // As a list they are sent as they stand; Node would check and fold an object's one by one.
      headers: [...fixedHeaders, ...pairsOf(headers)],
    });
  }

  return {
    async send(config) {
      const sent = open(config);
      const { head, body } = await exchange(sent, {
        maxBytes: maxResponseBytes,
        limitMs: config.timeout ?? 0,
      });
      const coding = head.headers['content-encoding'];
      const { date, 'retry-after': retryAfter } = head.headers;
      return {
        data: coding === undefined ? body : await decoded(body, coding, maxResponseBytes),
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

function pairsOf(headers: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [name, value] : []));
}
