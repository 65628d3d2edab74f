import type { DestinationStream } from 'pino';
import { describeError } from './describe-error.ts';
import { createEvenSampler } from './even-sampler.ts';
import type { EndedRequest } from './http/observe.ts';
import { type Logger, SERVICE } from './log.ts';

/** Writes one line a request: the route's template, never its path; no header, no query, no body. */
export type RequestLog = (request: EndedRequest) => void;

/**
 * Lines of the logger's own form, put together by hand: pino, which takes any object, needs a fifth of a hot lookup's time
 * for one (bench/PROFILE.md).
 *
 * @param options.destination where the logger writes
 */
export function createRequestLog(options: {
  readonly logger: Logger;
  readonly version: string;
  readonly destination: DestinationStream;
  /** The share of lines of successful hits in memory that is written: 0 to 1. */
  readonly hitSampleRatio: number;
}): RequestLog {
  const { logger, version, destination, hitSampleRatio } = options;
  const origin = `,"service":${JSON.stringify(SERVICE)},"version":${JSON.stringify(version)},"event":"request"`;
  const now = createTimestamp();
  const sample = hitSampleRatio === 1 ? undefined : createEvenSampler(hitSampleRatio);
  const ofSampled = `,"sample_ratio":${hitSampleRatio}`;

  return (request) => {
    const level = levelOf(request);
    if (!logger.isLevelEnabled(level)) return;
    const sampled = sample !== undefined && isServedHit(request);
    if (sampled && !sample()) return;
    destination.write(
      `{"level":"${level}","time":"${now()}"${origin},${fieldsOf(request)}${sampled ? ofSampled : ''},"msg":"request"}\n`,
    );
  };
}

function isServedHit({ status, context: { result } }: EndedRequest): boolean {
  return result === 'memory_hit' && (status === 200 || status === 304);
}

function levelOf({ status, context }: EndedRequest): 'error' | 'warn' | 'info' {
  if (context.failure?.code === 'internal_error') return 'error';
  return status >= 500 ? 'warn' : 'info';
}

/** What stands in quotes without being looked at consists of letters, digits and signs that JSON lets be. */
function fieldsOf({ method, status, seconds, heldSeconds, context }: EndedRequest): string {
  const { route, requestId, traceparent, principal, result, lookupMs, failure } = context;
  let fields = `"request_id":"${requestId}","method":"${method}","route":"${route}","status":${status},"duration_ms":${round(seconds * 1000)}`;
  if (heldSeconds > 0) fields += `,"held_ms":${round(heldSeconds * 1000)}`;
  if (lookupMs !== undefined) fields += `,"lookup_ms":${round(lookupMs)}`;
  if (principal !== undefined) fields += `,"user":"${loggedUser(principal.userKey)}"`;
  if (result !== undefined) fields += `,"cache":"${result}"`;
  if (traceparent !== undefined) fields += `,"trace_id":"${traceparent.slice(3, 35)}"`;
  if (failure !== undefined) fields += `,"code":"${failure.code}"`;
  if (failure?.reason !== undefined) fields += `,"reason":${JSON.stringify(failure.reason)}`;
  if (failure?.code === 'internal_error')
    fields += `,"error":${JSON.stringify(describeError(failure.cause))}`;
  return fields;
}

/** The present time (RFC 3339), put into words once a millisecond. */
function createTimestamp(): () => string {
  let atMs = 0;
  let text = '';
  return () => {
    const nowMs = Date.now();
    if (nowMs !== atMs) {
      atMs = nowMs;
      text = new Date(nowMs).toISOString();
    }
    return text;
  };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** The hash that stands for a user in all lines: enough of it to tell users apart. */
export function loggedUser(userKey: string): string {
  return userKey.slice(0, 16);
}
