import { expect, test } from 'vitest';
import { modulePicture } from '../../scripts/module-picture.ts';

const value = (from: string, to: string) => ({ from, to, typesOnly: false });
const types = (from: string, to: string) => ({ from, to, typesOnly: true });

test('folders and files that nobody put together are boxes of their own, under names that Mermaid takes', () => {
  const picture = modulePicture([
    value('run.ts', 'a-folder/one.ts'),
    value('a-folder/one.ts', 'a-folder/deep/two.ts'),
    types('a-folder/one.ts', 'a-new-file.ts'),
    types('main.ts', 'run.ts'),
  ]);
  expect(picture.split('\n').slice(2, -1)).toEqual([
    '  a_folder["a-folder/"]',
    '  a_new_file["a-new-file.ts"]',
    '  start["main.ts<br>run.ts"]',
    '  a_folder -.-> a_new_file',
    '  start --> a_folder',
  ]);
});

test('one value makes an arrow solid, and what is basic is left out', () => {
  const picture = modulePicture([
    types('cache/a.ts', 'lookup/a.ts'),
    value('cache/b.ts', 'lookup/a.ts'),
    value('cache/b.ts', 'errors.ts'),
  ]);
  expect(picture).toContain('cache --> lookup');
  expect(picture).not.toContain('errors');
});

test('of what puts the parts together only its own order is drawn', () => {
  const picture = modulePicture([value('service.ts', 'wiring/a.ts'), value('wiring/a.ts', 'cache/a.ts')]);
  expect(picture.split('\n').filter((line) => line.includes('->'))).toEqual(['  service --> wiring']);
});

test('what is called basic may import nothing else', () => {
  expect(() => modulePicture([value('errors.ts', 'log.ts')])).toThrow(
    'errors.ts is basic, and imports log.ts',
  );
});
