import type { Socket } from 'node:net';
import { projectFields } from './builders.ts';

/** What the tables of upstream answers tell of. */
export const ANSWERED_ID = 'p1';
/** Their UPSTREAM_MAX_RESPONSE_BYTES. */
export const MAX_ANSWER_BYTES = 65_536;

/** Writes an answer to the request that came on this socket. */
export type Respond = (socket: Socket) => void;

const inADay = () => new Date(Date.now() + 86_400_000).toISOString();
export const download = (fields: object = {}) => ({
  url: 'https://videos.magichour.ai/p1/output.png',
  expires_at: inADay(),
  ...fields,
});
/** A finished project, whose one download ends in a day. */
export const body = (fields: object = {}) =>
  JSON.stringify(projectFields({ id: ANSWERED_ID, status: 'complete', downloads: [download()], ...fields }));

/** A head of 200, but for the empty line at its end. */
export const ok = (headers: readonly string[] = []) =>
  ['HTTP/1.1 200 OK', 'Content-Type: application/json', ...headers].join('\r\n');

/** An endless source, as fast as it is taken. */
export const pour = (head: string, chunk: Buffer) => (socket: Socket) => {
  socket.write(head);
  const more = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
};
/** A byte each twentieth of a second. */
export const drip = (bytes: string) => (socket: Socket) => {
  let at = 0;
  const timer = setInterval(() => socket.write(bytes[at++] ?? ' '), 50);
  socket.on('close', () => clearInterval(timer));
};
