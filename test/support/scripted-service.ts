import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { closeNow, listen, localUrl } from './http-server.ts';

/** A request that waits for the test to answer it. */
export interface AskedRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly response: ServerResponse;
  /** Begins a stream. */
  stream(text?: string): ServerResponse;
  json(status: number, body: unknown, headers?: Readonly<Record<string, string>>): void;
}

export interface ScriptedService {
  readonly baseUrl: string;
  /** The next request that comes, or came and was not taken yet. */
  next(): Promise<AskedRequest>;
  /** Those that came so far. */
  readonly asked: number;
}

/** In place of the service where it, or what stands before it, has to do what it never would. Ends with the test. */
export async function startScriptedService(): Promise<ScriptedService> {
  const untaken: AskedRequest[] = [];
  const waiting: Array<(request: AskedRequest) => void> = [];
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    const each: AskedRequest = {
      path: request.url ?? '',
      headers: request.headers,
      response,
      stream(text = '') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write(text);
        return response;
      },
      json(status, body, headers = {}) {
        response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
        response.end(JSON.stringify(body));
      },
    };
    const take = waiting.shift();
    if (take === undefined) untaken.push(each);
    else take(each);
  });
  const baseUrl = localUrl('127.0.0.1', await listen(server, 0, '127.0.0.1'));
  onTestFinished(() => closeNow(server));
  return {
    baseUrl,
    get asked() {
      return asked;
    },
    next() {
      const each = untaken.shift();
      if (each !== undefined) return Promise.resolve(each);
      const { promise, resolve } = Promise.withResolvers<AskedRequest>();
      waiting.push(resolve);
      return promise;
    },
  };
}

/** An event as the service spells it. */
export function statusEvent(status: string, id = status): string {
  return `event: status\nid: ${id}\ndata: ${JSON.stringify({ id: 'p1', status })}\n\n`;
}
