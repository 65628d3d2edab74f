import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { SpanExporter } from '@opentelemetry/sdk-trace';

/** Facts about the export, for whoever logs them: one for each batch of spans. */
export interface ExportEvents {
  exported(): void;
  /** @param reason an HTTP status, a code of Node's or the library's own words */
  exportFailed(reason: string): void;
}

const TRACES_PATH = 'v1/traces';

/**
 * Sends spans by OTLP over HTTP, as protobuf.
 *
 * @param options.endpoint of the collector; the path of traces is put behind it
 */
export function createExporter(
  options: { readonly endpoint: string; readonly headers: Readonly<Record<string, string>> },
  events: ExportEvents,
): SpanExporter {
  const url = `${options.endpoint.replace(/\/+$/, '')}/${TRACES_PATH}`;
  const exporter = new OTLPTraceExporter({ url, headers: { ...options.headers } });
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.SUCCESS) events.exported();
        else events.exportFailed(reasonOf(result.error));
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush(),
  };
}

/** A message is only told where it is the library's own: those of errors with a code quote what was sent or received. */
function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'unknown';
  return 'code' in error && error.code !== undefined ? String(error.code) : error.message;
}
