const HEAD_END = '\r\n\r\n';
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)/i;

/** Tells of each whole response on a connection. It knows no more of HTTP than what contenders send: `Content-Length`. */
export function createResponseReader(onResponse: (status: number) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const headEnd = rest.indexOf(HEAD_END);
      if (headEnd === -1) return;
      const head = rest.toString('latin1', 0, headEnd);
      const length = CONTENT_LENGTH.exec(head)?.[1];
      if (length === undefined) throw new Error(`a response without a length:\n${head}`);
      const end = headEnd + HEAD_END.length + Number(length);
      if (rest.length < end) return;
      rest = rest.subarray(end);
      onResponse(Number(head.slice(9, 12)));
    }
  };
}
