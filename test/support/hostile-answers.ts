import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { rawResponse } from './raw-upstream.ts';
import { ANSWERED_ID, body, drip, MAX_ANSWER_BYTES, ok, pour } from './upstream-answers.ts';

/** Twenty members, which together are a gigabyte of white space. */
const BOMB = Buffer.concat(Array<Buffer>(20).fill(gzipSync(Buffer.alloc(2 ** 30 / 20, ' '))));

function gzipped(bytes: Uint8Array, coding = 'gzip'): Buffer {
  return rawResponse(bytes, { headers: ['Content-Type: application/json', `Content-Encoding: ${coding}`] });
}

function redirect(socket: Socket, status: string, elsewhere: string): void {
  const location = `Location: ${elsewhere}/v1/image-projects/${ANSWERED_ID}`;
  socket.write(rawResponse('', { status, headers: [location] }));
}

/** `elsewhere` is another host. */
export type Hostile = readonly [
  what: string,
  respond: string | Uint8Array | ((socket: Socket, elsewhere: string) => void),
];

/** Whole answers, of no use: 502 `upstream_bad_response`. */
export const UNUSABLE: readonly Hostile[] = [
  ...[
    '301 Moved Permanently',
    '302 Found',
    '303 See Other',
    '307 Temporary Redirect',
    '308 Permanent Redirect',
  ].map(
    (status): Hostile => [
      `a ${status} to another host`,
      (socket, elsewhere) => redirect(socket, status, elsewhere),
    ],
  ),
  ['a 300', rawResponse(body(), { status: '300 Multiple Choices' })],
  ['a 304', 'HTTP/1.1 304 Not Modified\r\n\r\n'],
  ['a 204', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['a 205', rawResponse('', { status: '205 Reset Content' })],
  ['a 206', rawResponse(body(), { status: '206 Partial Content' })],
  ['a 201', rawResponse(body(), { status: '201 Created' })],
  ['a 299', rawResponse(body(), { status: '299 Odd' })],
  ['a 418', rawResponse(body(), { status: '418 Teapot' })],
  ['an empty body', rawResponse('')],
  ['white space', rawResponse('  \r\n ')],
  ['null', rawResponse('null')],
  ['a list', rawResponse(`[${body()}]`)],
  ['a word', rawResponse('"complete"')],
  ['a number', rawResponse('1e999')],
  ['a page', rawResponse('<!doctype html><title>Sorry</title>', { headers: ['Content-Type: text/html'] })],
  ['truncated JSON', rawResponse(body().slice(0, -20))],
  ['JSON and something more', rawResponse(`${body()}{}`)],
  ['JSON in UTF-16', rawResponse(Buffer.from(body(), 'utf16le'))],
  ['JSON behind a byte order mark', rawResponse(`\ufeff${body()}`)],
  ['JSON with invalid UTF-8', rawResponse(Buffer.from(body({ name: '\u00e9' }), 'latin1'))],
  [
    'thirty thousand lists in one another, left open',
    rawResponse(`{"id":"${ANSWERED_ID}","status":"complete","x":${'['.repeat(30_000)}`),
  ],
  ['another id', rawResponse(body({ id: 'p2' }))],
  ['the id in another case', rawResponse(body({ id: ANSWERED_ID.toUpperCase() }))],
  ['the id with a space', rawResponse(body({ id: `${ANSWERED_ID} ` }))],
  ['the id as a number', rawResponse(body({ id: 1 }))],
  ['the id as a list', rawResponse(body({ id: [ANSWERED_ID] }))],
  ['no id', rawResponse(body({ id: undefined }))],
  ['the id by way of a prototype', rawResponse(`{"__proto__":{"id":"${ANSWERED_ID}","status":"complete"}}`)],
  ['two ids, the last of them another', rawResponse(body().replace(/}$/, ',"id":"p2"}'))],
  ['no status', rawResponse(body({ status: undefined }))],
  ['the status as a number', rawResponse(body({ status: 1 }))],
  ['downloads as an object', rawResponse(body({ downloads: {} }))],
  ['downloads with nothing in them', rawResponse(body({ downloads: [null] }))],
  ['downloads as words', rawResponse(body({ downloads: ['https://example.com'] }))],
  ['a body that is too large', rawResponse(body({ name: 'x'.repeat(MAX_ANSWER_BYTES) }))],
  ['a body without an end', pour(`${ok()}\r\n\r\n`, Buffer.alloc(65_536, ' '))],
  ['a gigabyte', pour(`${ok([`Content-Length: ${2 ** 30}`])}\r\n\r\n`, Buffer.alloc(65_536, ' '))],
  [
    'chunks without an end',
    pour(`${ok(['Transfer-Encoding: chunked'])}\r\n\r\n`, Buffer.from(`10000\r\n${' '.repeat(65_536)}\r\n`)),
  ],
  ['a gigabyte in a bomb of gzip', gzipped(BOMB)],
  ['gzip that ends early', gzipped(gzipSync(body()).subarray(0, -12))],
  ['gzip within gzip', gzipped(gzipSync(gzipSync(body())), 'gzip, gzip')],
  ['less than its body long', `${ok(['Content-Length: 20'])}\r\n\r\n${body()}`],
];

/** No answers at all: 502 `upstream_error`. */
export const BROKEN: readonly Hostile[] = [
  ['no HTTP', 'hello\r\n\r\n'],
  ['HTTP/9.9', 'HTTP/9.9 200 OK\r\n\r\n'],
  ['a status that is none', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['headers without an end', pour(ok(), Buffer.from(`\r\nX: ${'x'.repeat(1000)}`))],
  ['300 KiB of headers', `${ok([`X: ${'x'.repeat(300 * 1024)}`])}\r\n\r\n`],
  ['a folded and a naked header', `${ok(['X: y', ' z', 'naked'])}\r\n\r\n`],
  ['two lengths', `${ok(['Content-Length: 4', 'Content-Length: 40'])}\r\n\r\n{}{}`],
  ['a length and chunks', `${ok(['Content-Length: 4', 'Transfer-Encoding: chunked'])}\r\n\r\n0\r\n\r\n`],
  ['chunks that are none', `${ok(['Transfer-Encoding: chunked'])}\r\n\r\nhello\r\n`],
  ['what is called gzip and is none', rawResponse(body(), { headers: ['Content-Encoding: gzip'] })],
  ['gzip with something behind it', gzipped(Buffer.concat([gzipSync(body()), Buffer.from('more')]))],
  ['gzip with a wrong checksum', gzipped(Buffer.concat([gzipSync(body()).subarray(0, -8), Buffer.alloc(8)]))],
  ['a control character in a header', rawResponse(body(), { headers: ['X: \x01'] })],
  ['an end before the body', (socket) => socket.end(`${ok(['Content-Length: 1000'])}\r\n\r\n{`)],
  ['an end before anything', (socket) => socket.end()],
  ['a reset', (socket) => socket.resetAndDestroy()],
];

/** Answers that don't come to an end: 504 `upstream_timeout`. */
export const SLOW: readonly Hostile[] = [
  [
    'a switch to another protocol',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
  ],
  ['nothing', () => undefined],
  ['the head a byte at a time', drip(`${ok()}\r\n\r\n${body()}`)],
  [
    'the body a byte at a time',
    (socket) => {
      socket.write(`${ok(['Content-Length: 10000'])}\r\n\r\n`);
      drip(body())(socket);
    },
  ],
  ['less than it promised', `${ok(['Content-Length: 10000'])}\r\n\r\n${body()}`],
  [
    '100 Continue for ever',
    (socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 50);
      socket.on('close', () => clearInterval(timer));
    },
  ],
];
