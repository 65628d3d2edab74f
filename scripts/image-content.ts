/** What an image of the service must hold and must not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export const SBOM_PATH = '/app/sbom.spdx.json';

/** All of /app: nothing for development, no sources, no tests, no modules that aren't built in. */
const CONTENT = [
  /^config\/(default|custom-environment-variables)\.yaml$/,
  /^docs\/openapi\.json$/,
  /^docs\/page\/index\.html$/,
  /^docs\/page\/page\.css$/,
  /^docs\/page\/page\.js$/,
  /^dist\/NOTICES\.txt$/,
  /^dist\/[\w-]+\.js$/,
  /^dist\/[\w-]+\.js\.map$/,
  /^compile-cache\/.+/,
  /^package\.json$/,
  /^sbom\.spdx\.json$/,
];

/** @param files relative to /app */
export function assertContent(files: readonly string[]): void {
  assert.deepEqual(
    files.filter((file) => !CONTENT.some((pattern) => pattern.test(file))),
    [],
    'nothing else is in the image',
  );
  const missing = CONTENT.filter((pattern) => !files.some((file) => pattern.test(file)));
  assert.deepEqual(missing, [], 'nothing is missing in the image');
}

const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string(), dev: z.boolean().optional() })),
});
const sbomSchema = z.object({
  spdxVersion: z.literal('SPDX-2.3'),
  documentDescribes: z.tuple([z.string()]),
  packages: z.array(z.object({ SPDXID: z.string(), name: z.string(), versionInfo: z.string() })),
});

/**
 * The SBOM lists each package that package-lock.json has for production, and no other; so also all that is built in.
 *
 * @returns how many
 */
export function assertSbom(sbom: string, notices: string): number {
  const { packages, documentDescribes } = sbomSchema.parse(JSON.parse(sbom));
  const listed = packages
    .filter(({ SPDXID }) => SPDXID !== documentDescribes[0])
    .map(({ name, versionInfo }) => `${name}@${versionInfo}`);
  const lock = lockSchema.parse(
    JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')),
  );
  const locked = Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`);
  assert.deepEqual(new Set(listed), new Set(locked), 'the SBOM lists what is deployed');
  assert.ok(listed.some((name) => name.startsWith('express@')));

  const builtIn = [...notices.matchAll(/^(\S+) (\d\S+): \S/gm)].map(
    ([, name, version]) => `${name}@${version}`,
  );
  assert.ok(builtIn.length > 0);
  for (const name of builtIn) assert.ok(listed.includes(name), `the SBOM lists ${name}`);
  return listed.length;
}

/**
 * @param revision what `--build-arg REVISION=…` was; without one, that isn't looked at
 * @see https://github.com/opencontainers/image-spec/blob/main/annotations.md
 */
export function assertLabels(labels: Readonly<Record<string, string>>, revision?: string): void {
  const label = (name: string) => labels[`org.opencontainers.image.${name}`];
  const dockerfile = readFileSync(new URL('../Dockerfile', import.meta.url), 'utf8');
  assert.equal(label('title'), 'magic-hour-bff');
  assert.equal(
    label('base.name'),
    `docker.io/library/${/^FROM (\S+) AS base$/m.exec(dockerfile)?.[1]}`,
    'the label names the base image',
  );
  for (const name of ['description', 'licenses', 'version']) assert.ok(label(name), `label ${name}`);
  for (const name of ['created', 'source', 'url', 'documentation', 'vendor', 'revision'])
    assert.notEqual(label(name), undefined, `label ${name}`);
  if (revision !== undefined) assert.equal(label('revision'), revision);
}
