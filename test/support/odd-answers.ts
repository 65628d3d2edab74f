import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { rawResponse } from './raw-upstream.ts';
import { body, download, ok } from './upstream-answers.ts';

/** What the upstream's body says, and how it goes over the wire where that isn't plain. */
export type Odd = readonly [what: string, sent: string, frame?: (sent: string) => string | Uint8Array];

const withHeaders =
  (...headers: string[]) =>
  (sent: string) =>
    rawResponse(sent, { headers });
const coded = (coding: string, encode: (sent: string) => Uint8Array) => (sent: string) =>
  rawResponse(encode(sent), { headers: [`Content-Encoding: ${coding}`] });
const behind = (before: string) => (sent: string) => Buffer.concat([Buffer.from(before), rawResponse(sent)]);
const chunked = (sent: string, trailer: string) =>
  `${ok(['Transfer-Encoding: chunked'])}\r\n\r\n${Buffer.byteLength(sent).toString(16)}\r\n${sent}\r\n0\r\n${trailer}\r\n\r\n`;
const ending = (end: string) => body().replace(/}$/, `,${end}}`);

/** Names that mean something to JavaScript, or to the library that reads them. */
const MEANINGFUL_NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'normalize',
  'set',
  'get',
  'toJSON',
  'then',
];

/** All is there that this service needs, so the caller gets it as it came. */
export const PASSED_ON: readonly Odd[] = [
  [
    'Set-Cookie and other headers',
    body(),
    withHeaders(
      'Set-Cookie: a=b',
      'X-Powered-By: x',
      'Server: y',
      'ETag: "theirs"',
      'Cache-Control: public, max-age=999999',
      'Expires: Thu, 01 Jan 2099 00:00:00 GMT',
      'Access-Control-Allow-Origin: *',
      'Location: /',
      'WWW-Authenticate: Basic',
      'X-Request-Id: theirs',
      'Age: 5',
      'Vary: *',
      'Retry-After: 77',
      'Content-Type: application/json',
    ),
  ],
  [
    'hop-by-hop headers',
    body(),
    withHeaders(
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=1',
      'Upgrade: h2c',
      'Proxy-Authenticate: Basic',
      'Trailer: X-T',
    ),
  ],
  ['headers of meaningful names', body(), withHeaders(...MEANINGFUL_NAMES.map((name) => `${name}: x`))],
  ['a hundred headers of one name', body(), withHeaders(...Array<string>(100).fill('Set-Cookie: a=b'))],
  ['a date long past', body(), withHeaders('Date: Thu, 01 Jan 1970 00:00:00 GMT')],
  ['a date in the year 9999', body(), withHeaders('Date: Fri, 31 Dec 9999 23:59:59 GMT')],
  ['a date that is none', body(), withHeaders('Date: soon')],
  ['two dates', body(), withHeaders('Date: soon', 'Date: Fri, 31 Dec 9999 23:59:59 GMT')],
  ['early hints before it', body(), behind('HTTP/1.1 103 Early Hints\r\nLink: </evil>\r\n\r\n')],
  ['100 and 102 before it', body(), behind('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n')],
  ['a thousand hints before it', body(), behind('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000))],
  ['a trailer behind it', body(), (sent) => chunked(sent, 'Set-Cookie: a=b')],
  ['a type of nonsense', body(), withHeaders('Content-Type: text/html; charset=utf-16')],
  ['no type', body(), withHeaders()],
  ['gzip, though that was not asked for', body(), coded('gzip', gzipSync)],
  ['brotli', body(), coded('br', brotliCompressSync)],
  ['deflate', body(), coded('deflate', deflateSync)],
  ['deflate as old servers mean it', body(), coded('deflate', deflateRawSync)],
  ['zstd', body(), coded('zstd', zstdCompressSync)],
  ['a coding that nobody knows, and plain bytes', body(), coded('rot13', Buffer.from)],
  [
    'prototypes among its fields',
    ending('"__proto__":{"id":"p2","enabled":false},"constructor":{"prototype":1}'),
  ],
  ['numbers beyond all bounds', ending('"huge":1e999,"precise":0.1000000000000000055511151231257827')],
  // RFC 8259 leaves to readers which of them counts; with JavaScript's it is the last.
  ['two ids, the last of them ours', body().replace('{', '{"id":"p2",')],
  ['odd spacing and escapes', ` \n${body({ name: '\u00e9\ud83d\ude00' }).replace('é', '\\u00e9')}\t `],
  ['a thousand lists in one another', body({ extra: JSON.parse(`${'['.repeat(1000)}${']'.repeat(1000)}`) })],
  ['five hundred downloads', body({ downloads: Array.from({ length: 500 }, () => download()) })],
  ['no downloads', body({ downloads: null })],
];
