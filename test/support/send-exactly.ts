import { once } from 'node:events';
import { IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

export interface ExactAnswer {
  readonly status: number;
  /** Lower-case names; several of one name are joined. */
  readonly headers: Headers;
  readonly body: string;
}

const responseEvent = z.tuple([z.instanceof(IncomingMessage)]);

/**
 * Sends header lines just as they are told, on a connection of their own: doubled, oddly spelled, as no well-behaved
 * client would.
 *
 * @param headers names and values in turn
 */
export async function sendExactly(
  baseUrl: string,
  path: string,
  headers: readonly string[],
  { method = 'GET', body = '' } = {},
): Promise<ExactAnswer> {
  const sent = request(new URL(path, baseUrl), {
    method,
    headers: ['Host', 'bff.example', ...headers],
    agent: false,
  });
  sent.end(body);
  const [response] = responseEvent.parse(await once(sent, 'response'));
  const received = new Headers();
  for (let at = 0; at + 1 < response.rawHeaders.length; at += 2) {
    received.append(response.rawHeaders[at] ?? '', response.rawHeaders[at + 1] ?? '');
  }
  return { status: response.statusCode ?? 0, headers: received, body: await text(response) };
}
