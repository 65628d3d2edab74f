import { BrokenCircuitError, BulkheadRejectedError, TaskCancelledError } from 'cockatiel';
import { describe, expect, test } from 'vitest';
import { HttpError } from '../../src/errors.ts';
import {
  AttemptFailure,
  type FailureProblem,
  retryAfterMs,
  toHttpError,
} from '../../src/upstream/failure.ts';
import { createKeyRing } from '../../src/upstream/key-ring.ts';
import { NOW_MS } from '../support/builders.ts';

describe('Retry-After', () => {
  test('is read in seconds', () => {
    expect(retryAfterMs('0', NOW_MS)).toBe(0);
    expect(retryAfterMs('120', NOW_MS)).toBe(120_000);
  });

  test('is read as a date, and one that is past means now', () => {
    expect(retryAfterMs('Tue, 01 Jan 2030 00:00:30 GMT', NOW_MS)).toBe(30_000);
    expect(retryAfterMs('Mon, 31 Dec 2029 23:59:00 GMT', NOW_MS)).toBe(0);
  });

  test.each([undefined, '', ' ', 'soon', '-1', '+1', '1.5', '1e3', '0x10', 'NaN', 'Infinity', '1, 2', 'GMT'])(
    'that is %j says nothing',
    (value) => {
      expect(retryAfterMs(value, NOW_MS)).toBeUndefined();
    },
  );
});

describe('what a caller is told of a failed lookup', () => {
  const attempt = (problem: FailureProblem, afterMs?: number) =>
    new AttemptFailure(problem, { retryAfterMs: afterMs, retryable: true, reason: 'r' });

  test.each<[string, unknown, string, number | undefined]>([
    ['an open circuit', new BrokenCircuitError(), 'upstream_unavailable', 2],
    ['too many waiting', new BulkheadRejectedError(1, 1), 'upstream_unavailable', 1],
    ['the deadline', new TaskCancelledError(), 'upstream_timeout', undefined],
    ['an attempt that took too long', attempt('timeout'), 'upstream_timeout', undefined],
    ['408', attempt('request_timeout'), 'upstream_timeout', undefined],
    ['5xx', attempt('server_error'), 'upstream_error', undefined],
    ['no connection', attempt('network'), 'upstream_error', undefined],
    ['429 that says no time', attempt('too_many_requests'), 'upstream_unavailable', 1],
    ['429 that says now', attempt('too_many_requests', 0), 'upstream_unavailable', 1],
    ['429 that says when', attempt('too_many_requests', 1500), 'upstream_unavailable', 2],
    ['a defect', new TypeError('x is not a function'), 'internal_error', undefined],
    ['something that is no error', 'thrown', 'internal_error', undefined],
  ])('after %s', (_what, failure, code, retryAfterSeconds) => {
    expect(toHttpError(failure, 2)).toMatchObject({ code, retryAfterSeconds });
  });

  test('is an error for callers as it stands', () => {
    const error = new HttpError('payment_required');
    expect(toHttpError(error, 2)).toBe(error);
  });

  test('only being told to slow down does not mean that the upstream is ill', () => {
    expect(attempt('too_many_requests').upstreamIll).toBe(false);
    for (const problem of ['timeout', 'network', 'server_error', 'request_timeout'] as const) {
      expect(attempt(problem).upstreamIll).toBe(true);
    }
  });
});

describe('the key ring', () => {
  function ring(...keys: string[]) {
    let refreshes = 0;
    const sources = keys.map((_key, at) => ({
      key: () => keys[at] ?? '',
      refresh: () => {
        refreshes += 1;
      },
    }));
    const change = (at: number, key: string) => {
      keys[at] = key;
    };
    return { keyRing: createKeyRing(sources), change, refreshes: () => refreshes };
  }

  test('offers each key once, the current one first', () => {
    const { keyRing } = ring('now', 'next');
    expect(keyRing.next(new Set())).toBe('now');
    expect(keyRing.next(new Set(['now']))).toBe('next');
    expect(keyRing.next(new Set(['now', 'next']))).toBeUndefined();
    expect(ring('same', 'same').keyRing.next(new Set(['same']))).toBeUndefined();
  });

  test('begins with the key that the upstream took last', () => {
    const { keyRing } = ring('now', 'next');
    keyRing.accepted('next');
    expect(keyRing.next(new Set())).toBe('next');
    expect(keyRing.next(new Set(['next']))).toBe('now');
  });

  test('offers a changed key at once, and forgets the preference for one that is gone', () => {
    const { keyRing, change } = ring('now', 'next');
    keyRing.accepted('now');
    change(0, 'newer');
    expect(keyRing.next(new Set())).toBe('newer');
    expect(keyRing.next(new Set(['newer', 'next']))).toBeUndefined();
  });

  test('asks every source for a newer key', () => {
    const { keyRing, refreshes } = ring('now', 'next');
    keyRing.refresh();
    expect(refreshes()).toBe(2);
  });
});

describe('the key in use', () => {
  function createRing(...keys: string[]) {
    const sources = keys.map((key) => ({ now: key, key: () => key, refresh: () => undefined }));
    for (const source of sources) source.key = () => source.now;
    return { sources, ring: createKeyRing(sources) };
  }

  test('is the current one at first', () => {
    const { ring } = createRing('a', 'b');
    expect(ring.inUse()).toEqual({ place: 'current', newer: false, generation: 1 });
    expect(ring.inUse()).toEqual({ place: 'current', newer: false, generation: 1 });
  });

  test('has a new generation when its source brings another, and one more when the next one takes over', () => {
    const { ring, sources } = createRing('a', 'b');
    ring.accepted('a');
    for (const source of sources.slice(0, 1)) source.now = 'a2';
    expect(ring.inUse()).toEqual({ place: 'current', newer: true, generation: 2 });
    ring.accepted('b');
    expect(ring.inUse()).toEqual({ place: 'next', newer: false, generation: 3 });
    expect(ring.inUse().generation).toBe(3);
  });

  test('is told without a word of it', () => {
    const { ring } = createRing('mhk_secret');
    expect(JSON.stringify(ring.inUse())).not.toContain('mhk');
  });
});
