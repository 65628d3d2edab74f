import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** An answer that is sent as it stands, well-formed or not. */
export interface ScriptedResponse {
  /** Default 200. */
  readonly status?: number;
  /** Laid over `content-type: application/json` and the true `content-length`; `undefined` takes one away. */
  readonly headers?: OutgoingHttpHeaders;
  /** A function makes a stream for each answer, sent chunked; see `streamOf`. */
  readonly body?: string | Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** Wait before the first byte. */
  readonly delayMs?: number;
  /** Send the body in pieces, with a wait before each. */
  readonly drip?: { readonly chunkBytes: number; readonly everyMs: number };
  /** Promise the whole body, send that many bytes of it and end the connection. */
  readonly truncateAtBytes?: number;
  /** End the connection by a TCP reset: before any byte, or after `truncateAtBytes`. */
  readonly reset?: boolean;
  /** Never answer. */
  readonly hang?: boolean;
}

const STREAM_CHUNK = Buffer.alloc(65_536, ' ');

/** That many bytes of white space, made while they are sent. */
export async function* streamOf(totalBytes: number): AsyncGenerator<Uint8Array> {
  for (let left = totalBytes; left > 0; left -= STREAM_CHUNK.length) yield STREAM_CHUNK.subarray(0, left);
}

/** An answer in Magic Hour's own error shape. */
export function errorResponse(status: number, message: string): ScriptedResponse {
  return { status, body: JSON.stringify({ message }) };
}

/** Rejects when the client goes away meanwhile, so that nothing keeps running for it. */
export async function sendScripted(response: ServerResponse, scripted: ScriptedResponse): Promise<void> {
  if (scripted.hang || response.destroyed) return;
  const signal = signalOfClose(response);
  if (scripted.delayMs !== undefined) await sleep(scripted.delayMs, undefined, { signal });
  if (scripted.reset && scripted.truncateAtBytes === undefined) {
    response.socket?.resetAndDestroy();
    return;
  }
  const body = typeof scripted.body === 'function' ? scripted.body() : Buffer.from(scripted.body ?? '');
  writeHead(response, scripted, body instanceof Buffer ? body.length : undefined);
  const sent =
    body instanceof Buffer ? pieces(body.subarray(0, scripted.truncateAtBytes), scripted.drip, signal) : body;
  for await (const chunk of sent) {
    if (!response.write(chunk)) await once(response, 'drain', { signal });
  }
  if (scripted.truncateAtBytes === undefined) response.end();
  else if (scripted.reset) response.socket?.resetAndDestroy();
  else response.socket?.destroySoon();
}

function writeHead(response: ServerResponse, scripted: ScriptedResponse, contentLength: number | undefined) {
  response.setHeader('content-type', 'application/json');
  if (contentLength !== undefined) response.setHeader('content-length', contentLength);
  for (const [name, value] of Object.entries(scripted.headers ?? {})) {
    if (value === undefined) response.removeHeader(name);
    else response.setHeader(name, value);
  }
  response.writeHead(scripted.status ?? 200);
  // A dripped or cut body must not hold its head back.
  if (scripted.drip !== undefined || scripted.truncateAtBytes !== undefined) response.flushHeaders();
}

async function* pieces(
  body: Buffer,
  drip: ScriptedResponse['drip'],
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (body.length === 0) return;
  const chunkBytes = drip?.chunkBytes ?? body.length;
  for (let start = 0; start < body.length; start += chunkBytes) {
    if (drip !== undefined) await sleep(drip.everyMs, undefined, { signal });
    yield body.subarray(start, start + chunkBytes);
  }
}

function signalOfClose(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}
