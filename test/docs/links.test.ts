import { existsSync, globSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { anchorsOf, prose, ROOT, textOf } from './markdown.ts';

const pages = globSync('**/*.md', {
  cwd: ROOT,
  exclude: (path) => /^(node_modules|dist|coverage)\b/.test(path),
});

/** Where a path in a code span may begin: at the root, in `src/`, or beside the page. */
const basesOf = (page: string) => ['', 'src/', `${posix.dirname(page)}/`];
const BUILT = /^(dist|node_modules|compile-cache|secrets)\//;
/** With a slash in it and an ending that files of this project have, or a folder of it. */
const PATH = /^[\w.@*{},-]+(\/[\w.@*{},-]+)+\.(ts|js|json|md|ya?ml)$/;
const FOLDER = /^(src|docs|test|scripts|config|bench|demo)\/([\w.-]+\/)*$/;

const exists = (path: string) => existsSync(new URL(path, ROOT)) || globSync(path, { cwd: ROOT }).length > 0;
const codeSpans = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);

describe.each(pages)('%s', (page) => {
  const text = prose(textOf(page));

  test('links to nothing that is not there', () => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)].map(
      ([, inline, reference]) => inline ?? reference ?? '',
    );
    const dead = targets.filter((target) => {
      if (/^(https?|mailto):/.test(target)) return false;
      const [path = '', anchor] = target.split('#');
      // Of the repository's host, beside the files: GitHub's comparisons and releases.
      if (/^(\.\.\/)+(compare|releases)\//.test(path)) return false;
      const file = path === '' ? page : posix.join(posix.dirname(page), path);
      if (!exists(file)) return true;
      return anchor !== undefined && !(file.endsWith('.md') && anchorsOf(textOf(file)).has(anchor));
    });
    expect(dead).toEqual([]);
  });

  // What is said of a release stays as it was when files move on.
  const present = page === 'CHANGELOG.md' ? (text.split(/^## \[\d/m)[0] ?? '') : text;

  test('names no file that is not there', () => {
    const named = codeSpans(present)
      .flatMap((span) => span.split(' '))
      .filter((word) => (PATH.test(word) || FOLDER.test(word)) && !BUILT.test(word));
    expect(named.filter((path) => !basesOf(page).some((base) => exists(`${base}${path}`)))).toEqual([]);
  });

  test('names no npm script that is not there', () => {
    const { scripts } = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(textOf('package.json')));
    const named = [...textOf(page).matchAll(/\bnpm run (?:-s )?([\w:]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

test('are looked at: all pages, and a good many names', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/architecture.md', 'bench/PROFILE.md']));
  const paths = pages.flatMap((page) => codeSpans(prose(textOf(page)))).filter((span) => PATH.test(span));
  expect(paths.length).toBeGreaterThan(50);
});
