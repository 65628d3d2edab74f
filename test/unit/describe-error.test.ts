import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { describeError } from '../../src/describe-error.ts';

const SECRET = 'mhk_canary~Key/One+4f1d9c';

/** An error whose stack was looked at, and so written, before somebody changed its message, as many libraries do. */
function reworded(before: string): Error {
  const error = new Error(before);
  expect(error.stack).toContain(before);
  error.message = 'other words';
  return error;
}

describe('a description of an error', () => {
  test('says what it was and where', () => {
    const error = Object.assign(new RangeError('data'), {
      code: 'ERR_OUT_OF_RANGE',
      cause: new TypeError('x'),
    });
    expect(describeError(error)).toMatchObject({
      name: 'RangeError',
      code: 'ERR_OUT_OF_RANGE',
      at: expect.arrayContaining([expect.stringContaining('describe-error.test.ts:')]),
      cause: { name: 'TypeError' },
    });
  });

  test.each<[string, () => unknown]>([
    ['its message', () => new Error(SECRET)],
    [
      'a message with lines like places',
      () => new Error(`a\n    at ${SECRET}\n    at f (file:///x?${SECRET}:1:1)`),
    ],
    ['a message that was changed', () => reworded(`a\n    at ${SECRET}`)],
    ['its name', () => Object.assign(new Error('a'), { name: SECRET })],
    ['its code', () => Object.assign(new Error('a'), { code: SECRET })],
    ['a field', () => Object.assign(new Error('a'), { config: { headers: { authorization: SECRET } } })],
    ['its cause', () => new Error('a', { cause: new Error('b', { cause: SECRET }) })],
    ['one of several', () => new AggregateError([new Error(SECRET)], SECRET)],
    ['the string that was thrown', () => SECRET],
    ['the object that was thrown', () => ({ [SECRET]: SECRET })],
    // The runtime's own words can quote what they are about.
    ['a string that it looked into', () => thrownBy(() => 'x' in (SECRET as unknown as object))],
    ['a string that it tried to change', () => thrownBy(() => ((SECRET as unknown as { x: number }).x = 1))],
    ['a word that it did not know', () => thrownBy(() => Buffer.from('', SECRET as 'hex'))],
    ['an address that it could not read', () => thrownBy(() => new URL(SECRET))],
  ])('holds nothing of %s', (_what, make) => {
    const error = make();
    const described = JSON.stringify(describeError(error));
    for (const half of [SECRET.slice(0, 12), SECRET.slice(-12)]) {
      expect(inspect(error, { depth: 5 }), 'what there is to hide').toContain(half);
      expect(described).not.toContain(half);
    }
  });

  test('ends where causes go round in a circle', () => {
    const error = new Error('a');
    error.cause = new Error('b', { cause: error });
    expect(JSON.stringify(describeError(error)).length).toBeLessThan(20_000);
  });

  test.each([undefined, null, 42, { length: 1 }])('bears a stack that is %j', (stack) => {
    expect(describeError(Object.assign(new Error('a'), { stack }))).toMatchObject({ name: 'Error', at: [] });
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
