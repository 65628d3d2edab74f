import { expect, test } from 'vitest';
import { queryParts } from './query-parts.ts';

test.each([
  ['up', ['up']],
  ['sum by (job) (rate(a[5m])) > 0', ['sum by (job) (rate(a[5m]))', '0']],
  [
    'a / on (job) group_left () b > 0.05 and sum(c) >= bool 60',
    ['a / on (job) group_left () b', '0.05', 'sum(c)', '60'],
  ],
  ['(sum(up) or vector(0)) == 0', ['sum(up)', 'vector(0)', '0']],
  ['(a > 1 unless on (job) (b)) or c - time() < 7 * 86400', ['a', '1', 'b', 'c - time()', '7 * 86400']],
])('%s has the parts %j', (expression, parts) => {
  expect(queryParts(expression)).toEqual(parts);
});

test.each(['sum by (', '', 'rate(a[5m]) >'])('"%s" is no query', (expression) => {
  expect(() => queryParts(expression)).toThrow(Error);
});
