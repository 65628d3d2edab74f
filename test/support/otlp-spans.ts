import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { z } from 'zod';

/** A span as it was exported. */
export interface ExportedSpan {
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'other';
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it is a trace's first. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly isError: boolean;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Of the process that it is of. */
  readonly resource: Readonly<Record<string, string | number | boolean>>;
}

const schema = readFileSync(new URL('otlp.proto', import.meta.url), 'utf8');
const Request = protobuf.parse(schema).root.lookupType('ExportTraceServiceRequest');

const id = z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes).toString('hex'));
const attributes = z
  .array(
    z.object({
      key: z.string(),
      value: z.object({
        stringValue: z.string().optional(),
        boolValue: z.boolean().optional(),
        intValue: z.coerce.number().optional(),
        doubleValue: z.number().optional(),
      }),
    }),
  )
  .default([])
  .transform((pairs) =>
    Object.fromEntries(
      pairs.map(({ key, value: { stringValue, boolValue, intValue, doubleValue } }) => [
        key,
        stringValue ?? boolValue ?? intValue ?? doubleValue ?? '',
      ]),
    ),
  );
const nanoseconds = z.coerce.string().transform(BigInt);

/** opentelemetry/proto/trace/v1: SpanKind and StatusCode. */
const KINDS: Readonly<Record<number, ExportedSpan['kind']>> = { 1: 'internal', 2: 'server', 3: 'client' };
const STATUS_ERROR = 2;

const requestSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: id,
              spanId: id,
              parentSpanId: id.default(''),
              traceState: z.string().default(''),
              name: z.string(),
              kind: z.number(),
              startTimeUnixNano: nanoseconds,
              endTimeUnixNano: nanoseconds,
              attributes,
              status: z.object({ code: z.number().default(0) }).default({ code: 0 }),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** Reads a request's body (`application/x-protobuf`). @throws where it is none */
export function readSpans(body: Buffer): ExportedSpan[] {
  const message = Request.toObject(Request.decode(body), { longs: String });
  return requestSchema.parse(message).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ kind, status, startTimeUnixNano, endTimeUnixNano, ...span }) => ({
        ...span,
        kind: KINDS[kind] ?? 'other',
        isError: status.code === STATUS_ERROR,
        durationMs: Number(endTimeUnixNano - startTimeUnixNano) / 1e6,
        resource: resource.attributes,
      })),
    ),
  );
}
