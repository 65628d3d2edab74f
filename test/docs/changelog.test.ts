import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { releaseChangelog, unreleasedChanges, withApiVersion } from '../../scripts/changelog.ts';
import { textOf } from './markdown.ts';

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

describe("the API description's version", () => {
  const infoOf = (description: unknown) =>
    z.object({ info: z.object({ version: z.string() }) }).parse(description).info;

  test('is set, and nothing else', () => {
    const before = textOf('docs/openapi.yaml');
    const after = withApiVersion(before, '9.8.7');
    expect(infoOf(parse(after)).version).toBe('9.8.7');
    const current = infoOf(parse(before)).version;
    expect(withApiVersion(after, current)).toBe(before);
    expect(() => withApiVersion('openapi: 3.1.1\n', '9.8.7')).toThrow('info.version');
  });

  test('is that of the package', () => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(textOf('package.json')));
    expect(infoOf(parse(textOf('docs/openapi.yaml'))).version).toBe(version);
    expect(infoOf(JSON.parse(textOf('docs/openapi.json'))).version).toBe(version);
  });
});
