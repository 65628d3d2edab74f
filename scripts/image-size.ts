/**
 * `node scripts/image-size.ts TOOL IMAGE`: what a built image adds to the one that its Dockerfile starts from, in bytes of
 * files; ends with exit code 1 where that is more than 40 MB. `bash TOOL podman …` is podman.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const MAX_BYTES = 40e6;

const [tool = '', image = ''] = process.argv.slice(2);
const dockerfile = readFileSync(new URL('../Dockerfile', import.meta.url), 'utf8');
const base = /^FROM (\S+) AS base$/m.exec(dockerfile)?.[1];
if (image === '' || base === undefined) {
  process.stderr.write(
    'usage: node scripts/image-size.ts TOOL IMAGE, beside a Dockerfile with a stage `base`\n',
  );
  process.exit(64);
}

const added = sizeOf(image) - sizeOf(base);
process.stdout.write(
  `${image}: ${(added / 1e6).toFixed(1)} MB above ${base}, at most ${MAX_BYTES / 1e6} MB\n`,
);
process.exitCode = added <= MAX_BYTES ? 0 : 1;

function sizeOf(name: string): number {
  const args = [tool, 'podman', 'image', 'inspect', '--format', '{{.Size}}', name];
  return Number(execFileSync('bash', args, { encoding: 'utf8' }));
}
