import { createServer } from 'node:http';
import { closeNow, listen } from '../../test/support/http-server.ts';

/** Takes traces as a collector does, counts what comes and drops it. */
export interface SpanSink extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly bytes: number;
}

export async function startSpanSink(): Promise<SpanSink> {
  let bytes = 0;
  const server = createServer((req, res) => {
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    req.on('end', () => res.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end());
  });
  const port = await listen(server, 0, '127.0.0.1');
  return {
    endpoint: `http://127.0.0.1:${port}`,
    get bytes() {
      return bytes;
    },
    [Symbol.asyncDispose]: () => closeNow(server),
  };
}
