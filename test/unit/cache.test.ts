import { describe, expect, test } from 'vitest';
import { decodeAnswer, encodeAnswer } from '../../src/cache/answer-codec.ts';
import { createAnswerRecords } from '../../src/cache/answer-record.ts';
import { createMemoryCache } from '../../src/cache/memory-cache.ts';
import type { NotFoundAnswer } from '../../src/lookup/answer.ts';
import { answer, bytesOf, NOW_MS } from '../support/builders.ts';
import { createManualClock } from '../support/manual-clock.ts';

const found = answer({ name: 'Ünïcode ✓' }, { refreshed: true });
const unknown: NotFoundAnswer = { found: false, fetchedAtMs: NOW_MS, freshUntilMs: NOW_MS + 5000 };

describe('an answer in Redis', () => {
  test('is read as it was written', () => {
    expect(decodeAnswer('image', 'p1', encodeAnswer(found))).toEqual(found);
    expect(decodeAnswer('image', 'p1', encodeAnswer(unknown))).toEqual(unknown);
  });

  test('is a miss for another id', () => {
    expect(decodeAnswer('image', 'p2', encodeAnswer(found))).toBeUndefined();
    expect(decodeAnswer('image', 'P1', encodeAnswer(found))).toBeUndefined();
  });

  test.each([
    ['found', found],
    ['not found', unknown],
  ])('that was cut off anywhere is a miss (%s)', (_what, whole) => {
    const encoded = encodeAnswer(whole);
    for (let length = 0; length < encoded.length; length += 1) {
      expect(decodeAnswer('image', 'p1', encoded.subarray(0, length))).toBeUndefined();
    }
  });

  test('is a miss where bytes were added', () => {
    for (const whole of [found, unknown]) {
      expect(
        decodeAnswer('image', 'p1', Buffer.concat([encodeAnswer(whole), Buffer.from(' ')])),
      ).toBeUndefined();
    }
  });

  test.each([
    '',
    '\n',
    '{}\n',
    'null\n{}',
    '[]\n',
    'purged:1',
    `{"found":false,"fetchedAtMs":1,"freshUntilMs":"2","refreshed":false,"etag":""}\n`,
    `{"found":false,"fetchedAtMs":1,"freshUntilMs":2,"refreshed":false,"etag":"","more":1}\n`,
  ])('is not what somebody else wrote there: %j', (text) => {
    expect(decodeAnswer('image', 'p1', Buffer.from(text))).toBeUndefined();
  });

  test('is not an answer whose head and body are of two different writes', () => {
    const [head] = encodeAnswer(found).toString().split('\n');
    const other = answer({ name: 'Other' });
    expect(
      decodeAnswer('image', 'p1', Buffer.concat([Buffer.from(`${head}\n`), bytesOf(other)])),
    ).toBeUndefined();
  });
});

test('records whose hashes are the same are told apart by kind and id', () => {
  const records = createAnswerRecords(new DataView(new ArrayBuffer(1024)));
  records.write(0, { hash: 7, kind: 'image', id: 'p1', answer: unknown, trustedUntilMs: NOW_MS });
  expect(records.hashAt(0)).toBe(7);
  expect(records.isAt(0, 'image', 'p1')).toBe(true);
  expect(records.isAt(0, 'video', 'p1')).toBe(false);
  for (const id of ['p', 'p2', 'P1', 'q1', 'p11']) expect(records.isAt(0, 'image', id)).toBe(false);
});

describe('the memory tier', () => {
  function tier(options: { maxBytes?: number; trustMs?: number } = {}) {
    const clock = createManualClock(NOW_MS);
    return { clock, memory: createMemoryCache({ maxBytes: 1_000_000, trustMs: 30_000, clock, ...options }) };
  }

  test('keeps kinds and ids apart, and forgets one when told', () => {
    const { memory } = tier();
    memory.write('image', 'p1', found);
    memory.write('video', 'p1', unknown);
    expect(memory.read('image', 'p1')?.answer).toEqual(found);
    expect(memory.read('video', 'p1')?.answer).toEqual(unknown);
    expect(memory.read('image', 'p2')).toBeUndefined();
    memory.remove('image', 'p1');
    expect(memory.read('image', 'p1')).toBeUndefined();
    expect(memory.entries).toBe(1);
  });

  test('trusts a copy for a while, and never past its expiry', () => {
    const { memory } = tier();
    memory.write('image', 'p1', found);
    memory.write('image', 'p2', unknown);
    expect(memory.read('image', 'p1')?.trustedUntilMs).toBe(NOW_MS + 30_000);
    expect(memory.read('image', 'p2')?.trustedUntilMs).toBe(unknown.freshUntilMs);
  });

  test('trusts a copy until its expiry where there is no other tier', () => {
    const { memory } = tier({ trustMs: Number.POSITIVE_INFINITY });
    memory.write('image', 'p1', found);
    expect(memory.read('image', 'p1')?.trustedUntilMs).toBe(found.freshUntilMs);
  });

  test('lengthens no life by a read', () => {
    const { memory, clock } = tier();
    memory.write('image', 'p1', found);
    const before = memory.read('image', 'p1');
    clock.advance(29_999);
    expect(memory.read('image', 'p1')).toEqual(before);
  });

  test('throws the least recently used out first', () => {
    const { memory: measured } = tier();
    measured.write('image', 'a', found);
    const { memory } = tier({ maxBytes: Math.floor(3.5 * measured.bytes) });
    for (const id of ['a', 'b']) memory.write('image', id, found);
    memory.read('image', 'a');
    for (const id of ['c', 'd']) memory.write('image', id, found);
    expect(memory.read('image', 'a')).toBeDefined();
    expect(memory.read('image', 'b')).toBeUndefined();
  });

  test('keeps what is in use through ten times as many others as it can hold', () => {
    const { memory } = tier({ maxBytes: 100_000 });
    memory.write('image', 'watched', found);
    for (let n = 0; n < 3000; n += 1) {
      expect(memory.read('image', 'watched')?.answer).toEqual(found);
      memory.write('image', `seen-once-${n}`, found);
    }
    expect(memory.entries).toBeLessThan(300);
  });

  test('makes room though all that it holds is in use', () => {
    const { memory } = tier({ maxBytes: 200_000 });
    for (let n = 0; n < 2000; n += 1) {
      memory.write('image', `p${n}`, found);
      memory.read('image', `p${n}`);
    }
    expect(memory.read('image', 'p1999')?.answer).toEqual(found);
    expect(memory.read('image', 'p0')).toBeUndefined();
  });

  test('holds fewer of the shortest answers than there is room for, and still the newest', () => {
    const { memory } = tier({ maxBytes: 10_000 });
    for (let n = 0; n < 1000; n += 1) memory.write('audio', `p${n}`, unknown);
    expect(memory.entries).toBeGreaterThan(20);
    for (let n = 1000 - memory.entries; n < 1000; n += 1) {
      expect(memory.read('audio', `p${n}`)?.answer).toEqual(unknown);
    }
  });

  test('of no bytes keeps nothing, and one that is too small for an answer drops the older one', () => {
    const { memory: none } = tier({ maxBytes: 0 });
    none.write('image', 'p1', found);
    none.remove('image', 'p1');
    expect([none.read('image', 'p1'), none.bytes, none.entries]).toEqual([undefined, 0, 0]);
    const { memory: small } = tier({ maxBytes: 2000 });
    small.write('image', 'p1', unknown);
    small.write('image', 'p1', answer({ name: 'x'.repeat(2000) }));
    expect(small.read('image', 'p1')).toBeUndefined();
  });
});
