import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/**
 * Keeps the part of a page that is made: what stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`.
 *
 * Arguments of the command are `[--check] [--file PATH]`: with `--check` nothing is written, and a file that is not current
 * ends with exit code 1.
 */
export function keepMarkedPart(options: {
  /** Of the markers, and of the npm script where that has no other. */
  readonly name: string;
  readonly script?: string;
  readonly what: string;
  readonly file: string;
  readonly content: string;
}): void {
  const { name, what, content, script = name } = options;
  const { values } = parseArgs({
    options: { check: { type: 'boolean', default: false }, file: { type: 'string', default: options.file } },
  });
  const [beginMark, endMark] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const text = readFileSync(values.file, 'utf8');
  const begin = text.indexOf(beginMark);
  const end = text.indexOf(endMark);
  if (begin === -1 || end < begin) fail(`${values.file}: has no ${beginMark} … ${endMark}`);

  const current = `${text.slice(0, begin + beginMark.length)}\n${content}\n${text.slice(end)}`;
  if (current === text) {
    process.stdout.write(`${values.file}: ${what} is current\n`);
  } else if (values.check) {
    fail(`${values.file}: ${what} is not current; run: npm run ${script}`);
  } else {
    writeFileSync(values.file, current);
    process.stdout.write(`${values.file}: ${what} was written\n`);
  }
}

export function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
