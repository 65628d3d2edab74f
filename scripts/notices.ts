import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const manifestSchema = z.object({ name: z.string(), version: z.string(), license: z.string() });

const LICENCE_FILE = /^(licen[cs]e|copying|notice)(\.|-|$)/i;

/**
 * The licences of the packages that some files belong to, which ask to go along with every copy of the code.
 *
 * @param files paths from the root of the project
 * @throws ZodError where a package doesn't say what its licence is
 */
export function noticesFor(files: readonly string[]): string {
  const folders = new Set(files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []));
  return [...folders]
    .toSorted()
    .map((path) => {
      const folder = join(ROOT, path);
      const { name, version, license } = manifestSchema.parse(
        JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')),
      );
      const texts = readdirSync(folder)
        .filter((file) => LICENCE_FILE.test(file))
        .map((file) => readFileSync(join(folder, file), 'utf8').trim());
      return [`${name} ${version}: ${license}`, ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`)
    .concat('\n');
}
