import { promisify } from 'node:util';
import { brotliDecompress, constants, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';
import { TransportError } from './transport-error.ts';

type Decode = (body: Buffer, maxBytes: number) => Promise<Buffer>;

// A text that ends early is decoded as far as it goes: it is an answer of no use, not a broken connection.
const zlibOptions = (maxBytes: number) => ({
  maxOutputLength: maxBytes,
  finishFlush: constants.Z_SYNC_FLUSH,
});
const [gunzipAsync, inflateAsync, inflateRawAsync, brotliAsync, zstdAsync] = [
  promisify(gunzip),
  promisify(inflate),
  promisify(inflateRaw),
  promisify(brotliDecompress),
  promisify(zstdDecompress),
];

const gzip: Decode = (body, maxBytes) => gunzipAsync(body, zlibOptions(maxBytes));

/** With a header of zlib's (RFC 1950) as RFC 9110 says, or without, as old servers send it. */
const deflate: Decode = (body, maxBytes) =>
  ((body[0] ?? 0) & 0x0f) === 8
    ? inflateAsync(body, zlibOptions(maxBytes))
    : inflateRawAsync(body, zlibOptions(maxBytes));

const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['deflate', deflate],
  ['br', (body, maxBytes) => brotliAsync(body, { maxOutputLength: maxBytes })],
  ['zstd', (body, maxBytes) => zstdAsync(body, { maxOutputLength: maxBytes })],
]);

/**
 * Undoes a `Content-Encoding` (RFC 9110, 8.4), which was not asked for. A body of an unknown coding is left as it is.
 *
 * @throws TransportError where the body is not so coded, or longer than allowed
 */
export async function decoded(body: Buffer, coding: string, maxBytes: number): Promise<Buffer> {
  const decode = DECODERS.get(coding.trim().toLowerCase());
  if (decode === undefined) return body;
  try {
    return await decode(body, maxBytes);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? `${error.code}` : 'UNKNOWN';
    throw new TransportError(code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'network', code);
  }
}
