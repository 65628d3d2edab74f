import pino, { type DestinationStream, type Logger } from 'pino';
import type { EndedRequest } from './http/observe.ts';

export type { Logger } from 'pino';

/** Errors of these types are defects of our own code; their words name code, never data. */
const OWN_DEFECTS = new Set(['TypeError', 'ReferenceError', 'RangeError', 'AssertionError']);

export function createLogger(options: {
  readonly level: string;
  readonly version: string;
  readonly destination: DestinationStream;
}): Logger {
  return pino(
    {
      level: options.level,
      base: { service: 'magic-hour-bff', version: options.version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.destination,
  );
}

/** One line a request. The route's template, never its path; no header, no query, no body. */
export function logRequest(logger: Logger, { method, status, seconds, context }: EndedRequest): void {
  const { route, requestId, traceparent, principal, result, lookupMs, failure } = context;
  const fields = {
    request_id: requestId,
    method,
    route,
    status,
    duration_ms: round(seconds * 1000),
    lookup_ms: lookupMs === undefined ? undefined : round(lookupMs),
    user: principal?.userKey.slice(0, 16),
    cache: result,
    trace_id: traceparent?.slice(3, 35),
    code: failure?.code,
    reason: failure?.reason,
  };
  if (failure?.code === 'internal_error')
    logger.error({ ...fields, error: describeError(failure.cause) }, 'request');
  else if (status >= 500) logger.warn(fields, 'request');
  else logger.info(fields, 'request');
}

/**
 * An error in words that are safe to keep: names, codes and places in the code. Messages of foreign errors are left
 * out, since they quote what was being read (a body, an address, a header).
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  return {
    name: error.name,
    code: 'code' in error && typeof error.code === 'string' ? error.code : undefined,
    message: OWN_DEFECTS.has(error.name) ? error.message : undefined,
    at: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .map((line) => line.trim()),
    cause: error.cause === undefined ? undefined : describeError(error.cause),
  };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
