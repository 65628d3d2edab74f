import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface RawExchange {
  readonly answers: readonly RawAnswer[];
  /** What came that is no whole answer. */
  readonly rest: Buffer;
  /** Whether the server ended the connection, rather than we after waiting for it. */
  readonly ended: boolean;
}

const STATUS_LINE = /^HTTP\/1\.1 (\d{3}) [A-Za-z ']*$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e]*)$/;
const HEAD_END = '\r\n\r\n';

/**
 * Sends bytes over a TCP connection of their own, and reads until the server ends it.
 *
 * @param halfClose end our side after the bytes, for what would leave the server waiting for more
 */
export function exchange(
  url: string,
  bytes: string | Buffer,
  { halfClose = false, withinMs = 5000 } = {},
): Promise<RawExchange> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<RawExchange>();
  const socket = connect({ host: hostname, port: Number(port) });
  const chunks: Buffer[] = [];
  let ended = true;
  socket.setTimeout(withinMs, () => {
    ended = false;
    socket.destroy();
  });
  socket.on('data', (chunk) => chunks.push(chunk));
  // A reset after an answer is an end, too: the server doesn't read what it refused.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    try {
      resolve({ ...readAnswers(Buffer.concat(chunks)), ended });
    } catch (error) {
      reject(error);
    }
  });
  const sent = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  if (halfClose) socket.end(sent);
  else socket.write(sent);
  return promise;
}

/**
 * Cuts a stream into answers, as strictly as can be: one status line, header lines of the plain form, and a body of just
 * the length that is told. Answers to HEAD can't be told from others by their bytes; they are not read here.
 *
 * @throws Error where something is there that is no answer
 */
export function readAnswers(stream: Buffer): { answers: RawAnswer[]; rest: Buffer } {
  const answers: RawAnswer[] = [];
  let at = 0;
  for (;;) {
    const headEnd = stream.indexOf(HEAD_END, at);
    if (headEnd === -1) return { answers, rest: stream.subarray(at) };
    const [statusLine = '', ...lines] = stream.toString('latin1', at, headEnd).split('\r\n');
    const status = Number(STATUS_LINE.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw new Error(`this is no status line: ${JSON.stringify(statusLine)}`);
    const headers = new Headers();
    for (const line of lines) {
      const [, name, value] = HEADER_LINE.exec(line) ?? [];
      if (name === undefined) throw new Error(`this is no header line: ${JSON.stringify(line)}`);
      headers.append(name, value ?? '');
    }
    const bodyAt = headEnd + HEAD_END.length;
    const length = Number(headers.get('content-length') ?? 0);
    if (!Number.isInteger(length)) throw new Error('the length of a body is no number');
    if (stream.length < bodyAt + length) return { answers, rest: stream.subarray(at) };
    answers.push({ status, headers, body: stream.subarray(bodyAt, bodyAt + length) });
    at = bodyAt + length;
  }
}
