import { createServer, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { closeNow, listen } from './http-server.ts';
import { type ExportedSpan, readSpans } from './otlp-spans.ts';

export interface OtlpCollector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** All that has arrived so far, in the order in which it was exported. */
  readonly spans: readonly ExportedSpan[];
  /** The same as bytes; each character is one. */
  readonly raw: () => string;
  readonly requests: ReadonlyArray<{ readonly url: string; readonly headers: IncomingHttpHeaders }>;
  /** From now on requests are answered with this status, or never. */
  answer(how: number | 'never'): void;
  close(): Promise<void>;
}

/** Takes traces by OTLP over HTTP, as a collector does. */
export async function startOtlpCollector(): Promise<OtlpCollector> {
  const spans: ExportedSpan[] = [];
  const bodies: Buffer[] = [];
  const requests: Array<{ url: string; headers: IncomingHttpHeaders }> = [];
  let status: number | 'never' = 200;
  const server = createServer(async (req, res) => {
    const body = await buffer(req);
    requests.push({ url: req.url ?? '', headers: req.headers });
    if (status === 'never') return;
    if (status === 200) {
      bodies.push(body);
      spans.push(...readSpans(body));
    }
    res.writeHead(status, { 'Content-Type': 'application/x-protobuf' }).end();
  });
  const port = await listen(server, 0, '127.0.0.1');
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    raw: () => Buffer.concat(bodies).toString('latin1'),
    requests,
    answer(how) {
      status = how;
    },
    close: () => closeNow(server),
  };
}
