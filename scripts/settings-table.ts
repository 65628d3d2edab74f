/**
 * Writes README.md's table of settings, between its two markers, from `config/`.
 *
 * `npm run settings -- [--check] [--file PATH]`: with `--check` nothing is written, and a file that is not current
 * ends with exit code 1.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { settingsFaults, settingsTable } from './settings.ts';

const BEGIN = '<!-- settings:begin -->';
const END = '<!-- settings:end -->';

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, file: { type: 'string', default: 'README.md' } },
});

const faults = settingsFaults();
if (faults.length > 0) fail(faults.join('\n'));

const text = readFileSync(values.file, 'utf8');
const begin = text.indexOf(BEGIN);
const end = text.indexOf(END);
if (begin === -1 || end < begin) fail(`${values.file}: has no ${BEGIN} … ${END}`);

const current = `${text.slice(0, begin + BEGIN.length)}\n${settingsTable()}\n${text.slice(end)}`;
if (current === text) {
  process.stdout.write(`${values.file}: the table of settings is current\n`);
} else if (values.check) {
  fail(`${values.file}: the table of settings is not current; run: npm run settings`);
} else {
  writeFileSync(values.file, current);
  process.stdout.write(`${values.file}: the table of settings was written\n`);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
