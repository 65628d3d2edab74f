import { describe, expect, test } from 'vitest';
import { waitSecondsOf } from '../../src/http/prefer.ts';

describe('Prefer (RFC 7240)', () => {
  test.each([
    ['wait=10', 10],
    ['WAIT=10', 10],
    ['wait = 10', 10],
    ['wait="10"', 10],
    ['wait=0', 0],
    ['wait=007', 7],
    ['wait=60', 60],
    ['wait=61', 60],
    [`wait=${'9'.repeat(400)}`, 60],
    ['respond-async, wait=10', 10],
    ['respond-async,wait=10,return=minimal', 10],
    ['wait=10; foo="a, wait=20"', 10],
    ['foo="wait=20, wait=30", wait=10', 10],
    ['foo=1; bar="x\\", wait=20", wait=10', 10],
    ['foo; wait=20, wait=10', 10],
    [', ,wait=10', 10],
    ['wait=10, wait=20', 10],
    // The first of a name counts, and says nothing that can be read.
    ['wait=soon, wait=20', undefined],
    ['wait, wait=20', undefined],
    ['wait', undefined],
    ['wait=', undefined],
    ['wait=-1', undefined],
    ['wait=1.5', undefined],
    ['wait=1e1', undefined],
    ['wait=١', undefined],
    ['wait="1', undefined],
    ['waiting=10', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s asks to wait for %s', (prefer, seconds) => {
    expect(waitSecondsOf(prefer)).toBe(seconds);
  });

  test('of a hostile length is read in no time that grows faster than it', () => {
    for (const hostile of ['"', '\\"', ',;', 'wait=" ', 'a="\\'])
      expect(waitSecondsOf(hostile.repeat(16_384 / hostile.length))).toBeUndefined();
    expect(waitSecondsOf(`wait=x${' '.repeat(16_000)}y`)).toBeUndefined();
    expect(waitSecondsOf(`wait${' '.repeat(16_000)}=${' '.repeat(16_000)}7`)).toBe(7);
  });
});
