/**
 * A part of `npm version`, which has written the new version into package.json: gives CHANGELOG.md's unreleased changes that
 * version and today's date (UTC), and docs/openapi.yaml the version.
 *
 * `node scripts/release-changelog.ts [--check] [--root FOLDER]`: with `--check` nothing is written; exit code 1 where there is
 * nothing to release.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { releaseChangelog, unreleasedChanges, withApiVersion } from './changelog.ts';
import { fail } from './marked-part.ts';

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
  const changelog = releaseChangelog(read('CHANGELOG.md'), { version, date });
  const description = withApiVersion(read('docs/openapi.yaml'), version);
  writeFileSync(pathOf('CHANGELOG.md'), changelog);
  writeFileSync(pathOf('docs/openapi.yaml'), description);
  process.stdout.write(`CHANGELOG.md, docs/openapi.yaml: ${version} of ${date}\n`);
}
