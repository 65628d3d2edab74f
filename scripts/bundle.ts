import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const manifestSchema = z.object({ dependencies: z.record(z.string(), z.string()) });

/** Dependencies in CommonJS ask for Node's own modules by `require`, which ES modules don't have. */
const REQUIRE = `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`;

/**
 * Writes the service into a few files that need no node_modules: finding, reading and compiling 700 modules one by one
 * is more than a third of a start. Our code and that of the dependencies lie in files of their own. Only ours has source
 * maps: Node parses a whole map when it first describes an error, and that of all dependencies takes 80 MiB.
 *
 * @param folder is emptied first; it must lie beside config/, docs/ and package.json, as src/ does
 * @returns the source files that went in, as paths from the root of the project
 */
export async function bundle(folder: string): Promise<string[]> {
  const { dependencies } = manifestSchema.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main.ts'],
    // esbuild puts what two entries have in common into a file of its own; the second entry itself is thrown away.
    stdin: {
      contents: Object.keys(dependencies)
        .map((name) => `import '${name}';`)
        .join('\n'),
      resolveDir: ROOT,
    },
    logOverride: { 'ignored-bare-import': 'silent' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    banner: { js: REQUIRE },
    sourcemap: 'external',
    sourcesContent: false,
    outdir: folder,
    write: false,
    metafile: true,
  });

  const textOf = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [path, { inputs, entryPoint }] of Object.entries(metafile.outputs)) {
    const name = basename(path);
    const map = textOf.get(`${name}.map`);
    if (entryPoint === '<stdin>' || map === undefined) continue;
    const isOurs = Object.keys(inputs).some((input) => input.startsWith('src/'));
    const link = isOurs ? `//# sourceMappingURL=${name}.map\n` : '';
    writeFileSync(join(folder, name), `${textOf.get(name)}${link}`);
    if (isOurs) writeFileSync(join(folder, `${name}.map`), map);
  }
  return Object.keys(metafile.inputs);
}
