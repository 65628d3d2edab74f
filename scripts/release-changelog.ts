/**
 * A part of `npm version`, which has written the new version into package.json: gives CHANGELOG.md's unreleased changes that
 * version and today's date (UTC), and sets the version wherever else it stands.
 *
 * `node scripts/release-changelog.ts [--check] [--root FOLDER]`: with `--check` nothing is written; exit code 1 where there is
 * nothing to release.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { releaseChangelog, unreleasedChanges } from './changelog.ts';
import { fail } from './marked-part.ts';
import { VERSION_PLACES, withVersion } from './version-places.ts';

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, root: { type: 'string', default: '.' } },
});
const pathOf = (file: string) => resolve(values.root, file);
const read = (file: string) => readFileSync(pathOf(file), 'utf8');

if (values.check) {
  if (unreleasedChanges(read('CHANGELOG.md')) === '') fail('CHANGELOG.md: nothing is unreleased');
} else {
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')));
  const date = new Date().toISOString().slice(0, 10);
  const places = VERSION_PLACES.filter(({ file }) => existsSync(pathOf(file)));
  // All or nothing.
  const texts = [
    ['CHANGELOG.md', releaseChangelog(read('CHANGELOG.md'), { version, date })] as const,
    ...places.map((place) => [place.file, withVersion(read(place.file), place, version)] as const),
  ];
  for (const [file, text] of texts) writeFileSync(pathOf(file), text);
  process.stdout.write(`${texts.map(([file]) => file).join(', ')}: ${version} of ${date}\n`);
}
