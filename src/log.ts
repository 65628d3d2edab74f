import pino, { type DestinationStream, type Logger } from 'pino';
import type { EndedRequest } from './http/observe.ts';

export type { Logger } from 'pino';

/** What V8 itself says of a defect: it names code, never data. */
const WORDS_OF_V8 = [
  /^Cannot (?:read|set) properties of (?:undefined|null) \((?:reading|setting) '[\w$]{1,40}'\)$/,
  /^[\w$.]{1,80} is not (?:defined|iterable|a function|a constructor)$/,
  /^Assignment to constant variable\.$/,
  /^Maximum call stack size exceeded$/,
  /^Invalid (?:array|string) length$/,
];

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
 * An error in words that are safe to keep: names, codes and places in the code. Messages are left
 * out, since they quote what was being read (a body, an address, a header, an argument).
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  return {
    name: error.name,
    code: 'code' in error && typeof error.code === 'string' ? error.code : undefined,
    message: WORDS_OF_V8.some((words) => words.test(error.message)) ? error.message : undefined,
    at: error.stack
      // A message can have lines that look like places.
      ?.replace(error.message, '')
      .split('\n')
      .filter((line) => /^\s+at /.test(line))
      .map((line) => line.trim()),
    cause: error.cause === undefined ? undefined : describeError(error.cause),
  };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
