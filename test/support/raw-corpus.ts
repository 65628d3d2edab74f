/** One connection's bytes, and what must come of them. */
export interface RawCase {
  readonly what: string;
  readonly bytes: string;
  /**
   * The statuses that must come, in order, and whether the connection is then good for an honest request (`on`) or was
   * ended (`end`): `200 on`, `400 end`, `end`.
   */
  readonly outcome: string;
  /** End our side of the connection after the bytes: what they begin is never finished. */
  readonly unfinished: boolean;
}

type Row = readonly [what: string, bytes: string, outcome: string];

export type CorpusName = 'targets' | 'framing' | 'headers' | 'protocols';

/** An id that each case has for itself, so that what is asked upstream can be told. */
const ID = '{id}';
const PATH = `/v1/image-projects/${ID}`;
const TOKEN = '{token}';

const request = (startLine: string, lines: readonly string[] = [], body = '') =>
  `${[startLine, 'Host: bff.example', `Authorization: Bearer ${TOKEN}`, ...lines].join('\r\n')}\r\n\r\n${body}`;
const get = (target: string, lines: readonly string[] = [], body = '') =>
  request(`GET ${target} HTTP/1.1`, lines, body);
const post = (lines: readonly string[], body: string) => request(`POST ${PATH} HTTP/1.1`, lines, body);
/** What an attacker would like to have answered as a request of its own. */
const SMUGGLED = 'GET /openapi.json HTTP/1.1\r\nHost: bff.example\r\n\r\n';

const targets: readonly Row[] = [
  ['a plain lookup', get(PATH), '200 on'],
  ['with a query that is ignored', get(`${PATH}?a=b&a=c&__proto__=d`), '200 on'],
  ['with an empty query', get(`${PATH}?`), '200 on'],
  ['with a slash at the end', get(`${PATH}/`), '404 on'],
  ['with two slashes before', get(`/${PATH}`), '404 on'],
  ['with two slashes inside', get(`/v1//image-projects/${ID}`), '404 on'],
  ['with a dot segment', get(`/v1/./image-projects/${ID}`), '404 on'],
  ['with a parent segment', get(`/v1/video-projects/../image-projects/${ID}`), '404 on'],
  ['with a parent as the id', get('/v1/image-projects/..'), '400 on'],
  ['with parents behind the id', get(`${PATH}/../../../etc/passwd`), '404 on'],
  ['with an encoded parent as the id', get('/v1/image-projects/%2e%2e'), '400 on'],
  ['with an encoded parent and a slash', get(`/v1/image-projects/%2e%2e%2f${ID}`), '400 on'],
  ['with an encoded slash', get(`/v1/image-projects/a%2f${ID}`), '400 on'],
  ['with a doubly encoded slash', get(`/v1/image-projects/a%252f${ID}`), '400 on'],
  ['with an encoded backslash', get(`/v1/image-projects/a%5c${ID}`), '400 on'],
  ['with a backslash', get(`/v1/image-projects\\${ID}`), '404 on'],
  ['with an encoded NUL', get(`${PATH}%00`), '400 on'],
  ['with an encoded hash', get(`${PATH}%23x`), '400 on'],
  ['with an encoded question mark', get(`${PATH}%3fx=y`), '400 on'],
  ['with an encoded CR and LF', get(`${PATH}%0d%0aX-Injected:%201`), '400 on'],
  ['with a hash', get(`${PATH}#x`), '400 end'],
  ['with a matrix parameter', get(`${PATH};a=b`), '400 on'],
  ['with a percent sign alone', get(`${PATH}%`), '400 on'],
  ['with half an encoding', get(`${PATH}%2`), '400 on'],
  ['with an encoding that is no hex', get(`${PATH}%zz`), '400 on'],
  ['with overlong UTF-8', get('/v1/image-projects/%c0%ae%c0%ae'), '400 on'],
  ['with invalid UTF-8', get(`${PATH}%ff%fe`), '400 on'],
  ['with a letter from elsewhere, encoded', get(`${PATH}%c3%a9`), '400 on'],
  ['with a letter from elsewhere, as bytes', get(`${PATH}\u00c3\u00a9`), '400 end'],
  ['with a byte that is no UTF-8', get(`${PATH}\u00ff`), '400 end'],
  ['with an encoded letter in the id', get(`/v1/image-projects/%63omplete-encoded`), '200 on'],
  ['with an encoded letter in the path', get(`/v1/im%61ge-projects/${ID}`), '404 on'],
  ['in another case', get(`/V1/Image-Projects/${ID}`), '404 on'],
  ['with an id of 128', get(`/v1/image-projects/complete-${'x'.repeat(119)}`), '200 on'],
  ['with an id of 129', get(`/v1/image-projects/complete-${'x'.repeat(120)}`), '400 on'],
  ['with an id of 8,000', get(`/v1/image-projects/${'x'.repeat(8000)}`), '400 on'],
  ['with an id of 20,000', get(`/v1/image-projects/${'x'.repeat(20_000)}`), '431 end'],
  ['with a query of 20,000', get(`${PATH}?${'x'.repeat(20_000)}`), '431 end'],
  ['without an id', get('/v1/image-projects/'), '404 on'],
  ['with a space inside', get('/v1/image-projects/a b'), '400 end'],
  ['with a tab inside', get('/v1/image-projects/a\tb'), '400 end'],
  ['with min_valid twice', get(`${PATH}?min_valid=1&min_valid=2`), '400 on'],
  ['with min_valid as a list', get(`${PATH}?min_valid[]=1`), '200 on'],
  ['with min_valid that is negative', get(`${PATH}?min_valid=-1`), '400 on'],
  ['with min_valid that is huge', get(`${PATH}?min_valid=1e9`), '400 on'],
  ['asterisk', get('*'), '404 on'],
  ['OPTIONS asterisk', request('OPTIONS * HTTP/1.1'), '404 on'],
  ['empty', get(''), '400 end'],
  ['without a slash', get('v1/image-projects/x'), '400 end'],
  ['absolute', get(`http://bff.example${PATH}`), '200 on'],
  ['absolute, of another host', get(`http://evil.example${PATH}`), '200 on'],
  ['absolute, with a port and a user', get(`http://user:password@evil.example:99${PATH}`), '200 on'],
  ['absolute, by https', get(`https://evil.example${PATH}?min_valid=1`), '200 on'],
  ['absolute, in capitals', get(`HTTP://EVIL.EXAMPLE${PATH}`), '200 on'],
  ['absolute, by another scheme', get(`ftp://evil.example${PATH}`), '400 end'],
  ['absolute, of a file', get('file:///etc/passwd'), '400 end'],
  ['absolute, without a path', get('http://evil.example'), '404 on'],
  ['absolute, with a query at once', get('http://evil.example?/v1/image-projects/x'), '404 on'],
  ['absolute, to the metadata of a cloud', get('http://169.254.169.254/latest/meta-data/'), '404 on'],
  ['absolute, to the ops listener', get('http://127.0.0.1:9464/metrics'), '404 on'],
  ['absolute, with backslashes', get(`http://evil.example/v1\\image-projects\\${ID}`), '404 on'],
  ['absolute, with a backslash behind the host', get(`http://evil.example\\@x${PATH}`), '400 end'],
  ['absolute, with a bracket that stays open', get(`http://[x${PATH}`), '400 end'],
  ['absolute, with a port of eight digits', get(`http://evil.example:99999999${PATH}`), '400 end'],
  ['absolute, with two users', get(`http://a@b@evil.example${PATH}`), '400 end'],
  ['absolute, without a host', get(`http://${PATH}`), '400 end'],
  ['of a network path', get(`//evil.example${PATH}`), '404 on'],
];

const framing: readonly Row[] = [
  ['a body on GET', get(PATH, ['Content-Length: 4'], 'body'), '400 end'],
  ['a chunked body on GET', get(PATH, ['Transfer-Encoding: chunked'], '4\r\nbody\r\n0\r\n\r\n'), '400 end'],
  [
    'a request inside the body of GET',
    get(PATH, [`Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    '400 end',
  ],
  ['a request inside the body of POST', post([`Content-Length: ${SMUGGLED.length}`], SMUGGLED), '405 on'],
  ['a length of nothing', get(PATH, ['Content-Length: 0']), '200 on'],
  ['a length twice, the same', get(PATH, ['Content-Length: 4', 'Content-Length: 4'], 'body'), '400 end'],
  ['lengths that differ', get(PATH, ['Content-Length: 4', 'Content-Length: 0'], SMUGGLED), '400 end'],
  ['a length as a list', get(PATH, ['Content-Length: 4, 4'], 'body'), '400 end'],
  ['a length below nothing', get(PATH, ['Content-Length: -1'], SMUGGLED), '400 end'],
  ['a length with a plus', get(PATH, ['Content-Length: +4'], 'body'), '400 end'],
  ['a length in hex', get(PATH, ['Content-Length: 0x4'], 'body'), '400 end'],
  ['a length with a fraction', get(PATH, ['Content-Length: 4.0'], 'body'), '400 end'],
  ['a length with a space inside', get(PATH, ['Content-Length: 4 4'], 'body'), '400 end'],
  ['a length that is empty', get(PATH, ['Content-Length:'], SMUGGLED), '400 end'],
  ['a length beyond all numbers', get(PATH, [`Content-Length: ${'9'.repeat(40)}`], 'body'), '400 end'],
  [
    'a length and chunks',
    get(PATH, ['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`),
    '400 end',
  ],
  [
    'chunks and a length',
    get(PATH, ['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${SMUGGLED}`),
    '400 end',
  ],
  ...[
    'Transfer-Encoding: identity',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: chunked, chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: chunked;q=1',
    'Transfer-Encoding: \x0bchunked',
    'Transfer-Encoding : chunked',
    ' Transfer-Encoding: chunked',
    'Transfer-Encoding\t: chunked',
    'Transfer-Encoding: chunk\r\n ed',
    'Transfer-Encoding:\r\n chunked',
    'X: y\nTransfer-Encoding: chunked',
    'X: y\rTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
  ].map((line): Row => [`${JSON.stringify(line)}`, get(PATH, [line], `0\r\n\r\n${SMUGGLED}`), '400 end']),
  ...['Transfer-Encoding: cHuNkEd', 'transfer-encoding:chunked', 'Transfer-Encoding:  chunked  '].map(
    (line): Row => [`${JSON.stringify(line)}`, get(PATH, [line], '0\r\n\r\n'), '400 end'],
  ),
  ...[
    'x\r\nbody\r\n0\r\n\r\n',
    '-1\r\nbody\r\n0\r\n\r\n',
    '0x4\r\nbody\r\n0\r\n\r\n',
    ' 4\r\nbody\r\n0\r\n\r\n',
    '4 \r\nbody\r\n0\r\n\r\n',
    '4\nbody\n0\n\n',
    '4\r\nbodybody\r\n0\r\n\r\n',
    'fffffffffffffffff\r\nbody\r\n0\r\n\r\n',
    '4;x="\r\nbody\r\n0\r\n\r\n',
    `4;${'x'.repeat(20_000)}\r\nbody\r\n0\r\n\r\n`,
  ].map(
    (chunks): Row => [
      `chunks ${JSON.stringify(chunks.slice(0, 20))}`,
      post(['Transfer-Encoding: chunked'], chunks),
      '405 end',
    ],
  ),
  ['chunks with an extension', post(['Transfer-Encoding: chunked'], '4;a=b\r\nbody\r\n0\r\n\r\n'), '405 on'],
  [
    'a trailer that would be a header',
    get(
      PATH,
      ['Transfer-Encoding: chunked', 'Trailer: Authorization'],
      '0\r\nAuthorization: Basic x\r\n\r\n',
    ),
    '400 end',
  ],
  ['three in a row', `${get(PATH)}${get('/nowhere')}${get(PATH)}`, '200 404 200 on'],
  ['one that asks to end, and another', `${get(PATH, ['Connection: close'])}${get('/nowhere')}`, '200 end'],
  [
    'a bad one between good ones',
    `${get(PATH)}GET / HTTP/1.1\r\nA B: c\r\n\r\n${get('/nowhere')}`,
    '200 end',
  ],
  ['a lookup behind a refused one', `${get(PATH, ['Host: evil.example'])}${get(PATH)}`, '400 end'],
  ['empty lines before', `\r\n\r\n${get(PATH)}`, '200 on'],
  ['an empty line between', `${get(PATH)}\r\n${get('/nowhere')}`, '200 404 on'],
];

const headers: readonly Row[] = [
  ['bare LF', get(PATH).replaceAll('\r\n', '\n'), '400 end'],
  ['bare LF after one header', get(PATH, ['X: y\nZ: w']), '400 end'],
  ['bare CR in a header', get(PATH, ['X: y\rz']), '400 end'],
  ['a folded header', get(PATH, ['X: y\r\n z']), '400 end'],
  ['a folded credential', get(PATH).replace('Bearer ', 'Bearer\r\n '), '400 end'],
  ['a NUL in a value', get(PATH, ['X: a\0b']), '400 end'],
  ['a NUL in a name', get(PATH, ['X\0: b']), '400 end'],
  ['a control character', get(PATH, ['X: a\x01b']), '400 end'],
  ['a delete character', get(PATH, ['X: a\x7fb']), '400 end'],
  ['a space before the colon', get(PATH, ['X : y']), '400 end'],
  ['a name with a space', get(PATH, ['X Y: z']), '400 end'],
  ['a name that is empty', get(PATH, [': z']), '400 end'],
  ['a line without a colon', get(PATH, ['XYZ']), '400 end'],
  ['bytes beyond ASCII in a value', get(PATH, ['X: \u00c3\u00a9\u00ff']), '200 on'],
  ['bytes beyond ASCII in a name', get(PATH, ['X\u00e9: y']), '400 end'],
  ['bytes beyond ASCII in the request id', get(PATH, ['X-Request-Id: \u00e9']), '200 on'],
  ['no Host', get(PATH).replace('Host: bff.example\r\n', ''), '400 end'],
  ['two Hosts', get(PATH, ['Host: evil.example']), '400 end'],
  ['an empty Host', get(PATH).replace('Host: bff.example', 'Host:'), '200 on'],
  ['a Host with a user', get(PATH).replace('bff.example', 'user@bff.example'), '400 end'],
  ['a Host with two ports', get(PATH).replace('bff.example', 'bff.example:1:2'), '400 end'],
  ['a Host that is an IPv6 address', get(PATH).replace('bff.example', '[::1]:8080'), '200 on'],
  ['a Host with a path', get(PATH).replace('bff.example', 'bff.example/../x'), '400 end'],
  ['a Host that is nonsense', get(PATH).replace('bff.example', '<>"{}|\\^`'), '400 end'],
  [
    'nine hundred headers',
    get(
      PATH,
      Array.from({ length: 900 }, (_, n) => `X-${n}: y`),
    ),
    '200 on',
  ],
  [
    'a thousand headers',
    get(
      PATH,
      Array.from({ length: 1000 }, (_, n) => `X-${n}: `),
    ),
    '431 end',
  ],
  ['15 KiB of headers', get(PATH, [`X: ${'y'.repeat(14_000)}`]), '200 on'],
  ['16 KiB of headers', get(PATH, [`X: ${'y'.repeat(16 * 1024)}`]), '431 end'],
  ['a megabyte of headers', get(PATH, [`X: ${'y'.repeat(1024 * 1024)}`]), '431 end'],
  ['a header name of 16 KiB', get(PATH, [`${'y'.repeat(16 * 1024)}: x`]), '431 end'],
  ['Expect that is served', get(PATH, ['Expect: 100-continue']), '200 end'],
  ['Expect of something else', get(PATH, ['Expect: the-unexpected']), '200 on'],
  ['Connection with the credential in it', get(PATH, ['Connection: Authorization, Host']), '200 on'],
  ['a list of nonsense as Connection', get(PATH, ['Connection: , ,;,close']), '200 end'],
  ['If-None-Match of nonsense', get(PATH, ['If-None-Match: W/"", ",*']), '200 on'],
  ['If-None-Match of thousands', get(PATH, [`If-None-Match: ${'"a",'.repeat(3000)}`]), '200 on'],
  ['Range', get(PATH, ['Range: bytes=0-0,1-1,2-2']), '200 on'],
  ['Accept that wants something else', get(PATH, ['Accept: text/html;q=1e9']), '200 on'],
  ['traceparent of nonsense', get(PATH, ['traceparent: 00-00000000000000000000000000000000-x']), '200 on'],
];

const protocols: readonly Row[] = [
  ['HTTP/1.0', request(`GET ${PATH} HTTP/1.0`), '200 end'],
  ['HTTP/1.0 that wants to go on', request(`GET ${PATH} HTTP/1.0`, ['Connection: keep-alive']), '200 on'],
  ['HTTP/1.0 without a Host', `GET ${PATH} HTTP/1.0\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`, '200 end'],
  ['HTTP/0.9', `GET ${PATH}\r\n\r\n`, '400 end'],
  ['HTTP/1.2', request(`GET ${PATH} HTTP/1.2`), '400 end'],
  ['HTTP/2.0', request(`GET ${PATH} HTTP/2.0`), '400 end'],
  ['HTTP/9.9', request(`GET ${PATH} HTTP/9.9`), '400 end'],
  ['HTTP/1.1 in small letters', request(`GET ${PATH} http/1.1`), '400 end'],
  ['HTTPS/1.1', request(`GET ${PATH} HTTPS/1.1`), '400 end'],
  ['no version', request(`GET ${PATH}`), '400 end'],
  ['two spaces', request(`GET  ${PATH} HTTP/1.1`), '200 on'],
  ['an ICY source', request(`SOURCE ${PATH} ICE/1.0`), '405 end'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', '400 end'],
  [
    'an upgrade to HTTP/2',
    get(PATH, [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
    ]),
    '200 end',
  ],
  [
    'an upgrade to WebSocket',
    get(PATH, [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: eA==',
    ]),
    '200 end',
  ],
  ['the hello of TLS', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'.padEnd(170, '\x01'), '400 end'],
  ['the greeting of a proxy', 'PROXY TCP4 203.0.113.7 10.0.0.1 1 80\r\n', '400 end'],
  ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n', '400 end'],
  ['a command of Redis', '*1\r\n$4\r\nPING\r\n', '400 end'],
  ['zeros', '\0'.repeat(100), '400 end'],
  ...['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'PURGE', 'TRACE', 'QUERY'].map(
    (method): Row => [method, request(`${method} ${PATH} HTTP/1.1`), '405 on'],
  ),
  ['CONNECT', request('CONNECT evil.example:443 HTTP/1.1'), 'end'],
  ['a method in small letters', request(`get ${PATH} HTTP/1.1`), '400 end'],
  ['a method that nobody knows', request(`FETCH ${PATH} HTTP/1.1`), '400 end'],
  ['a method of 10,000', request(`${'G'.repeat(10_000)} ${PATH} HTTP/1.1`), '400 end'],
];

/** What begins and never ends. */
const unfinished: readonly Row[] = [
  ['half a request line', 'GET /v1/ima', '400 end'],
  ['a request line alone', `GET ${PATH} HTTP/1.1\r\n`, '400 end'],
  ['headers without an end', get(PATH).slice(0, -2), '400 end'],
  ['a body that stops', post(['Content-Length: 100'], 'body'), '405 end'],
  ['chunks that stop', post(['Transfer-Encoding: chunked'], '64\r\nbody'), '405 end'],
  ['nothing', '', 'end'],
];

export const RAW_CORPUS: Readonly<Record<CorpusName | 'unfinished', readonly RawCase[]>> = {
  targets: cases(targets),
  framing: cases(framing),
  headers: cases(headers),
  protocols: cases(protocols),
  unfinished: cases(unfinished, true),
};

function cases(rows: readonly Row[], isUnfinished = false): RawCase[] {
  return rows.map(([what, bytes, outcome]) => ({ what, bytes, outcome, unfinished: isUnfinished }));
}

/** Puts in what is known only while it runs. */
export function fillIn(bytes: string, values: { readonly id: string; readonly token: string }): string {
  return bytes.replaceAll(ID, values.id).replaceAll(TOKEN, values.token);
}
