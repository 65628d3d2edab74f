import type { FoundAnswer } from '../lookup/answer.ts';
import type { Found } from '../lookup/found.ts';
import type { HeaderList } from './respond.ts';

const CACHE_NAME = 'magic-hour-bff';

/**
 * The headers of a 200 or 304 that speak of the answer: Cache-Status (RFC 9211), Age and Cache-Control (RFC 9111),
 * ETag, and Retry-After where the project can still change.
 *
 * @param stored whether the answer may be served again
 */
export function answerHeaders(answer: FoundAnswer, found: Found, stored: boolean, nowMs: number): HeaderList {
  const ttlSeconds = Math.max(0, Math.floor((answer.freshUntilMs - nowMs) / 1000));
  const headers = [
    'Cache-Status',
    cacheStatus(found, stored, ttlSeconds),
    'Cache-Control',
    answer.terminal ? `private, max-age=${ttlSeconds}` : 'private, no-cache',
    'ETag',
    answer.etag,
  ];
  if (found.source !== 'upstream') {
    headers.push('Age', String(Math.max(0, Math.floor((nowMs - answer.fetchedAtMs) / 1000))));
  }
  if (!answer.terminal) {
    headers.push('Retry-After', String(Math.max(1, Math.ceil((answer.freshUntilMs - nowMs) / 1000))));
  }
  return headers;
}

function cacheStatus({ source, collapsed, forwarded }: Found, stored: boolean, ttlSeconds: number): string {
  if (source !== 'upstream') return `${CACHE_NAME}; hit; ttl=${ttlSeconds}; detail=${source}`;
  if (collapsed) return `${CACHE_NAME}; fwd=${forwarded}; collapsed`;
  const kept = stored ? `; stored; ttl=${ttlSeconds}` : '';
  return `${CACHE_NAME}; fwd=${forwarded}; fwd-status=200${kept}`;
}
