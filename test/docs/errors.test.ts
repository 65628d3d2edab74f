import { expect, test } from 'vitest';
import { ERROR_CATALOGUE } from '../../src/errors.ts';
import { textOf } from './markdown.ts';

test('docs/errors.md has each code with its status, and no other', () => {
  const rows = [...textOf('docs/errors.md').matchAll(/^\| (\d{3})[^|]* \| `(\w+)` \|/gm)];
  const listed = rows.map(([, status, code = '']) => [code, Number(status)]);
  const known = Object.entries(ERROR_CATALOGUE).map(([code, { status }]) => [code, status]);
  expect(listed.toSorted()).toEqual(known.toSorted());
});
