import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { textOf } from './markdown.ts';

const page = textOf('docs/security-model.md');

/** Rows under a heading, each by its cells. */
function rowsUnder(heading: string): string[][] {
  const [, section = ''] = page.split(`## ${heading}\n`);
  const [table = ''] = section.split('\n## ');
  return table
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('|---'))
    .slice(1)
    .map((line) => line.slice(2, -2).split(' | '));
}

describe('the threat model', () => {
  const threats = rowsUnder('Threats');

  test('has threats, each with a control and what shows it', () => {
    expect(threats.length).toBeGreaterThan(25);
    expect(threats.filter((cells) => cells.length !== 3 || cells.some((cell) => cell.trim() === ''))).toEqual(
      [],
    );
  });

  test.each(threats.map(([threat = '', , shown = '']) => [threat, shown] as const))(
    '%s: is shown by tests that are there',
    (_threat, shown) => {
      const named = [...shown.matchAll(/`([^`]+)`: ("[^"]+"(?:, "[^"]+")*)/g)];
      expect(named.length).toBeGreaterThan(0);
      for (const [, file = '', names = ''] of named) {
        expect([file, existsSync(new URL(`../../${file}`, import.meta.url))]).toEqual([file, true]);
        const text = textOf(file);
        for (const [, name = ''] of names.matchAll(/"([^"]+)"/g))
          expect([file, name, text.includes(name)]).toEqual([file, name, true]);
      }
    },
  );
});
