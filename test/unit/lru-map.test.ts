import { expect, test } from 'vitest';
import { createLruMap } from '../../src/lru-map.ts';

test('the entries that were used last are kept, as many as may be', () => {
  const map = createLruMap<number>(3);
  for (const [n, name] of ['a', 'b', 'c'].entries()) map.set(name, n);
  map.get('a');
  map.set('d', 3);
  map.set('a', 4);
  expect([...map.entries()]).toEqual([
    ['a', 4],
    ['d', 3],
    ['c', 2],
  ]);
});

test('a map that is empty takes no room for what it might hold', () => {
  const before = process.memoryUsage().heapUsed;
  const maps = Array.from({ length: 100 }, () => createLruMap<number>(100_000));
  // 160 MB where each takes room for all of its entries.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
  expect(maps.every(({ size }) => size === 0)).toBe(true);
});
