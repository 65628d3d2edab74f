import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { releaseChangelog, unreleasedChanges } from '../../scripts/changelog.ts';
import { VERSION_PLACES, withVersion } from '../../scripts/version-places.ts';
import { ROOT, textOf } from './markdown.ts';

const HEAD = '# Changelog\n\nAll notable changes.\n\n';
const FIRST = `${HEAD}## [Unreleased]\n\n### Added\n\n- Lookups, with [links](docs/errors.md).\n`;
const release = (text: string, version: string, date = '2026-11-24') =>
  releaseChangelog(text, { version, date });

describe('a release', () => {
  test('gives what is unreleased its version and date, and begins anew above', () => {
    expect(release(FIRST, '1.0.0')).toBe(
      `${HEAD}## [Unreleased]\n\n## [1.0.0] - 2026-11-24\n\n### Added\n\n- Lookups, with [links](docs/errors.md).\n\n` +
        '[Unreleased]: ../../compare/v1.0.0...HEAD\n[1.0.0]: ../../releases/tag/v1.0.0\n',
    );
  });

  test('after another leads to what is between the two, and keeps all that is older', () => {
    const changed = release(FIRST, '1.0.0', '2026-11-01').replace(
      '## [Unreleased]\n',
      '## [Unreleased]\n\n### Fixed\n\n- A fault.\n',
    );
    expect(release(changed, '1.0.1')).toBe(
      `${HEAD}## [Unreleased]\n\n## [1.0.1] - 2026-11-24\n\n### Fixed\n\n- A fault.\n\n` +
        '## [1.0.0] - 2026-11-01\n\n### Added\n\n- Lookups, with [links](docs/errors.md).\n\n' +
        '[Unreleased]: ../../compare/v1.0.1...HEAD\n[1.0.1]: ../../compare/v1.0.0...v1.0.1\n' +
        '[1.0.0]: ../../releases/tag/v1.0.0\n',
    );
  });

  test('of nothing, twice, under no version, on no date or without the heading is refused', () => {
    const released = release(FIRST, '1.0.0');
    expect(() => release(released, '1.0.1')).toThrow('nothing is unreleased');
    const more = released.replace('## [Unreleased]\n', '## [Unreleased]\n\n- More.\n');
    expect(() => release(more, '1.0.0')).toThrow('1.0.0 is there already');
    expect(() => release(FIRST, 'next')).toThrow('next is no version');
    expect(() => release(FIRST, '1.0.0', '24.11.2026')).toThrow('is no date');
    expect(() => release(HEAD, '1.0.0')).toThrow('has no ## [Unreleased]');
  });

  test('loses not a line of the changelog as it is now', () => {
    const now = textOf('CHANGELOG.md');
    const lines = (text: string) =>
      text.split('\n').filter((line) => line !== '' && !/^\[[^\]]+\]: /.test(line));
    // A release day has none.
    const text = unreleasedChanges(now) === '' ? now.replace('## [Unreleased]\n', '$&\n- A change.\n') : now;
    expect(lines(release(text, '999.0.0'))).toEqual(
      lines(text).flatMap((line) =>
        line === '## [Unreleased]' ? [line, '## [999.0.0] - 2026-11-24'] : [line],
      ),
    );
  });
});

describe('the places of the version', () => {
  test.each(VERSION_PLACES.filter(({ file }) => existsSync(new URL(file, ROOT))))(
    '$file: is that of the package',
    (place) => {
      const before = textOf(place.file);
      expect(withVersion(before, place, versionOf(ROOT))).toBe(before);
      const after = withVersion(before, place, '9.8.7');
      expect(after.replace('9.8.7', versionOf(ROOT))).toBe(before);
      expect(() => withVersion('nothing\n', place, '9.8.7')).toThrow(place.file);
    },
  );

  test('keep their quotes', () => {
    const [, kubernetes] = VERSION_PLACES;
    expect(withVersion('images:\n    newTag: "1.0.0"\n', kubernetes, '1.0.1')).toBe(
      'images:\n    newTag: "1.0.1"\n',
    );
  });

  test('include the description that is served', () => {
    const description = z.object({ info: z.object({ version: z.string() }) });
    expect(description.parse(JSON.parse(textOf('docs/openapi.json'))).info.version).toBe(versionOf(ROOT));
  });
});

describe('what npm version runs', () => {
  const FILES = ['package.json', 'CHANGELOG.md', 'docs/openapi.yaml'];

  function copy(): URL {
    const folder = mkdtempSync(join(tmpdir(), 'release-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const root = pathToFileURL(`${folder}/`);
    for (const file of FILES) cpSync(new URL(file, ROOT), new URL(file, root));
    return root;
  }
  const run = (root: URL, ...args: string[]) =>
    spawnSync(process.execPath, ['scripts/release-changelog.ts', '--root', fileURLToPath(root), ...args], {
      cwd: ROOT,
      encoding: 'utf8',
    });
  const at = (root: URL, file: string) => readFileSync(new URL(file, root), 'utf8');

  test('writes the version of package.json, with the date of the day', () => {
    const root = copy();
    const manifest: unknown = JSON.parse(at(root, 'package.json'));
    writeFileSync(new URL('package.json', root), JSON.stringify({ ...Object(manifest), version: '9.8.7' }));
    writeFileSync(new URL('CHANGELOG.md', root), FIRST);
    expect(run(root, '--check')).toMatchObject({ status: 0, stderr: '' });
    expect(at(root, 'CHANGELOG.md')).toBe(FIRST);
    const days = [new Date().toISOString().slice(0, 10)];
    expect(run(root)).toMatchObject({ status: 0, stderr: '' });
    days.push(new Date().toISOString().slice(0, 10));
    expect(days.map((date) => release(FIRST, '9.8.7', date))).toContain(at(root, 'CHANGELOG.md'));
    expect(at(root, 'docs/openapi.yaml')).toContain('\n  version: 9.8.7\n');
  });

  test('is not begun where nothing is unreleased', () => {
    const root = copy();
    writeFileSync(new URL('CHANGELOG.md', root), `${HEAD}## [Unreleased]\n`);
    const { status, stderr } = run(root, '--check');
    expect([status, stderr]).toEqual([1, 'CHANGELOG.md: nothing is unreleased\n']);
  });
});

function versionOf(root: URL): string {
  return z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))).version;
}
