import { createRandom, pick, type Random } from './random.ts';

/** A stream of inputs that is the same for the same seed. */
export interface Fuzzer {
  next(): Buffer;
}

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const DICTIONARY = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  '/',
  '//',
  '..',
  '%2e%2e%2f',
  '%00',
  '%',
  '#',
  '?',
  '\\',
  '\xff\xfe',
  'GET ',
  'HEAD ',
  'POST ',
  ' HTTP/1.1\r\n',
  ' HTTP/1.0\r\n',
  ' HTTP/2.0\r\n',
  'Host: x\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Upgrade: h2c\r\n',
  'Expect: 100-continue\r\n',
  'Authorization: Bearer x\r\n',
  'X-Forwarded-For: 1.2.3.4\r\n',
  'Origin: null\r\n',
  'If-None-Match: *\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'ffffffffffffffff\r\n',
  '?min_valid=99999',
].map((text) => Buffer.from(text, 'latin1'));

const splice = (bytes: Buffer, at: number, remove: number, ...insert: readonly Buffer[]) =>
  Buffer.concat([bytes.subarray(0, at), ...insert, bytes.subarray(at + remove)]);

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => splice(bytes, random(bytes.length), 1, Buffer.of(random(256))),
  (bytes, random) => splice(bytes, random(bytes.length), random(8)),
  (bytes, random) => splice(bytes, random(bytes.length), 0, pick(DICTIONARY, random)),
  (bytes, random) => splice(bytes, random(bytes.length), random(16), pick(DICTIONARY, random)),
  (bytes, random) => bytes.subarray(0, random(bytes.length)),
  function repeatPiece(bytes, random) {
    const at = random(bytes.length);
    const piece = bytes.subarray(at, at + 1 + random(64));
    return splice(bytes, at, 0, ...Array.from({ length: 1 + random(20) }, () => piece));
  },
  function swapLines(bytes, random) {
    const lines = bytes.toString('latin1').split('\r\n');
    const [from, to] = [random(lines.length), random(lines.length)];
    const [line = ''] = lines.splice(from, 1);
    lines.splice(to, 0, line);
    return Buffer.from(lines.join('\r\n'), 'latin1');
  },
  function changeCase(bytes, random) {
    const at = random(bytes.length);
    const piece = bytes.toString('latin1', at, at + 12);
    const changed = random(2) === 0 ? piece.toUpperCase() : piece.toLowerCase();
    return splice(bytes, at, piece.length, Buffer.from(changed, 'latin1'));
  },
];

const MAX_MUTATIONS = 4;
const MAX_INPUT_BYTES = 40_000;

/** Makes inputs out of others: some changed a little, some joined, some as they are. */
export function createFuzzer(corpus: readonly Buffer[], seed: number): Fuzzer {
  const random = createRandom(seed);
  return {
    next() {
      let bytes = pick(corpus, random);
      if (random(8) === 0) bytes = Buffer.concat([bytes, pick(corpus, random)]);
      for (let left = random(MAX_MUTATIONS + 1); left > 0 && bytes.length > 0; left -= 1) {
        bytes = pick(MUTATIONS, random)(bytes, random);
      }
      return bytes.subarray(0, MAX_INPUT_BYTES);
    },
  };
}
