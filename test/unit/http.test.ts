import { describe, expect, test } from 'vitest';
import { ERROR_CATALOGUE, HttpError } from '../../src/errors.ts';
import { answerHeaders } from '../../src/http/answer-headers.ts';
import { matchesEtag } from '../../src/http/conditional.ts';
import type { Found } from '../../src/lookup/found.ts';
import { answer, headersOf, NOW_MS } from '../support/builders.ts';

describe('If-None-Match', () => {
  test.each(['"a"', 'W/"a"', '*', ' * ', '"b", "a"', '"b",W/"a" , "c"'])(
    '%s names the entity tag "a"',
    (header) => {
      expect(matchesEtag(header, '"a"')).toBe(true);
    },
  );

  test.each([undefined, '', 'a', '"b"', '"A"', '"a', '"aa"', 'w/"a"', '"*"', '"b", *'])(
    '%s does not name the entity tag "a"',
    (header) => {
      expect(matchesEtag(header, '"a"')).toBe(false);
    },
  );
});

describe('the headers of an answer', () => {
  const kept = answer({}, { fetchedAtMs: NOW_MS - 2999, freshUntilMs: NOW_MS + 3412_999 });
  const pending = answer({ status: 'queued' }, { freshUntilMs: NOW_MS + 1500 });

  function headers(how: Partial<Found>, { of = kept, stored = true, nowMs = NOW_MS } = {}) {
    const found = {
      answer: of,
      source: 'upstream',
      collapsed: false,
      forwarded: 'uri-miss',
      ...how,
    } as const;
    return headersOf(answerHeaders(of, found, stored, nowMs));
  }

  test.each<[Partial<Found>, boolean, string]>([
    [{ source: 'memory' }, true, 'magic-hour-bff; hit; ttl=3412; detail=memory'],
    [{ source: 'redis' }, true, 'magic-hour-bff; hit; ttl=3412; detail=redis'],
    [{}, true, 'magic-hour-bff; fwd=uri-miss; fwd-status=200; stored; ttl=3412'],
    [{}, false, 'magic-hour-bff; fwd=uri-miss; fwd-status=200'],
    [{ collapsed: true }, true, 'magic-hour-bff; fwd=uri-miss; collapsed'],
    [{ forwarded: 'stale' }, true, 'magic-hour-bff; fwd=stale; fwd-status=200; stored; ttl=3412'],
    [{ forwarded: 'stale', collapsed: true }, true, 'magic-hour-bff; fwd=stale; collapsed'],
    [{ forwarded: 'request' }, true, 'magic-hour-bff; fwd=request; fwd-status=200; stored; ttl=3412'],
  ])('%o, stored: %s, is told as the Cache-Status %3$s', (how, stored, cacheStatus) => {
    expect(headers(how, { stored })['Cache-Status']).toBe(cacheStatus);
  });

  test('tell the age of a hit in whole seconds since the upstream answered, and of nothing else', () => {
    expect(headers({ source: 'memory' }).Age).toBe('2');
    expect(headers({ source: 'redis' }, { of: pending, nowMs: NOW_MS - 5 }).Age).toBe('0');
    expect(headers({})).not.toHaveProperty('Age');
  });

  test('let a browser keep what is terminal, and never past its expiry', () => {
    expect(headers({})['Cache-Control']).toBe('private, max-age=3412');
    expect(headers({}, { nowMs: kept.freshUntilMs - 1 })['Cache-Control']).toBe('private, max-age=0');
    expect(headers({}, { nowMs: kept.freshUntilMs + 9000, stored: false })['Cache-Control']).toBe(
      'private, max-age=0',
    );
    expect(headers({})).not.toHaveProperty('Retry-After');
  });

  test('say of what can still change when asking again can bring news', () => {
    expect(headers({}, { of: pending })).toMatchObject({
      'Cache-Control': 'private, no-cache',
      'Retry-After': '2',
    });
    expect(headers({}, { of: pending, nowMs: pending.freshUntilMs + 9000 })['Retry-After']).toBe('1');
    expect(headers({}, { of: answer({ status: 'paused' }) })['Cache-Control']).toBe('private, no-cache');
  });

  test('carry a strong entity tag that is another for any other body', () => {
    expect(headers({}).ETag).toMatch(/^"[\w-]+"$/);
    expect(answer({ name: 'Other' }).etag).not.toBe(kept.etag);
    expect(answer({}, { freshUntilMs: 5 }).etag).toBe(kept.etag);
  });
});

test("the error codes and statuses are the contract's", () => {
  const statuses: Record<string, number> = {};
  for (const [code, { status }] of Object.entries(ERROR_CATALOGUE)) statuses[code] = status;
  // Added are: cache_unavailable of purges and webhooks, signature_invalid of
  // webhooks, request_timeout of bodies, and what is said of owners.
  expect(statuses).toEqual({
    invalid_project_id: 400,
    invalid_parameter: 400,
    invalid_request: 400,
    invalid_owner: 400,
    invalid_assignments: 400,
    token_missing: 401,
    token_expired: 401,
    token_invalid: 401,
    signature_invalid: 401,
    payment_required: 402,
    insufficient_scope: 403,
    csrf_required: 403,
    origin_not_allowed: 403,
    not_found: 404,
    method_not_allowed: 405,
    request_timeout: 408,
    owner_conflict: 409,
    request_too_large: 413,
    rate_limited: 429,
    internal_error: 500,
    upstream_rejected_key: 502,
    upstream_error: 502,
    upstream_bad_response: 502,
    upstream_unavailable: 503,
    authentication_unavailable: 503,
    ownership_unavailable: 503,
    draining: 503,
    cache_unavailable: 503,
    upstream_timeout: 504,
  });
  for (const { status, message } of Object.values(ERROR_CATALOGUE)) {
    if (status === 401) expect(message).toBe('Unauthorized');
    if (status === 404) expect(message).toBe('Not Found');
  }
});

test('an error keeps its cause for logs and never words its message by it', () => {
  const error = new HttpError('internal_error', { cause: new Error('secret'), reason: 'secret' });
  expect(error).toMatchObject({ status: 500, message: 'Internal error', cause: new Error('secret') });
  expect(new HttpError('request_too_large', { status: 431 }).status).toBe(431);
});
