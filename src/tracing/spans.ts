import { type Span, SpanStatusCode } from '@opentelemetry/api';

/** What is put into a span as an error's type: a code or the name of a class, never a message. */
const ERROR_TYPE = /^[A-Za-z][A-Za-z0-9_]{0,60}$/;
/** By OpenTelemetry's conventions: none that is known. */
const OTHER = '_OTHER';

/** ioredis gives it no code. */
const IOREDIS_TIMEOUT = 'Command timed out';

/** Runs work and ends the span when that is over, well or not. */
export function within<T>(span: Span, work: () => T | Promise<T>): T | Promise<T> {
  const failed = (error: unknown): never => {
    fail(span, errorTypeOf(error));
    span.end();
    throw error;
  };
  let outcome: T | Promise<T>;
  try {
    outcome = work();
  } catch (error) {
    return failed(error);
  }
  if (!(outcome instanceof Promise)) {
    span.end();
    return outcome;
  }
  return outcome.then((value) => {
    span.end();
    return value;
  }, failed);
}

/** `error.type` and the status that backends look for. */
export function fail(span: Span, errorType: string): void {
  span.setAttribute('error.type', errorType);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Our errors say what went wrong by `problem` or `code`, as Node's do; of the rest there is the name. */
function errorTypeOf(error: unknown): string {
  if (!(error instanceof Error)) return OTHER;
  if (error.message === IOREDIS_TIMEOUT) return 'timeout';
  const told = 'problem' in error ? error.problem : 'code' in error ? error.code : undefined;
  const type = told ?? error.name;
  return typeof type === 'string' && ERROR_TYPE.test(type) ? type : OTHER;
}
