import { globSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ROOT, textOf } from './markdown.ts';

const HEADINGS = ['Status', 'Context', 'Decision', 'Consequences', 'Evidence'];
const files = globSync('[0-9]*.md', { cwd: new URL('docs/adr/', ROOT) }).toSorted();

describe.each(files)('docs/adr/%s', (file) => {
  const page = textOf(`docs/adr/${file}`);
  const sections = page.split(/^## /m).slice(1);

  test('has its number, its headings, and something under each', () => {
    expect(page).toMatch(new RegExp(`^# ${Number(file.slice(0, 4))}\\. \\S`));
    expect(sections.map((section) => section.split('\n')[0])).toEqual(HEADINGS);
    for (const section of sections) expect(section.split('\n').slice(1).join('').trim()).not.toBe('');
  });

  test('is held by a test or a benchmark', () => {
    expect(sections.at(-1)).toMatch(/`test\/[^`]+\.ts`|\(\.\.\/\.\.\/bench\//);
  });
});

test('the index lists each decision once, under its title, by number', () => {
  const listed = [...textOf('docs/adr/README.md').matchAll(/^\| \[(\d{4})\]\(([^)]+)\) \| (.*) \|$/gm)];
  const titleOf = (file: string) => /^# \d+\. (.*)$/m.exec(textOf(`docs/adr/${file}`))?.[1];
  expect(listed.map(([, number, file, title]) => [number, file, title])).toEqual(
    files.map((file) => [file.slice(0, 4), file, titleOf(file)]),
  );
  expect(files.map((file) => Number(file.slice(0, 4)))).toEqual(files.map((_, index) => index + 1));
});
