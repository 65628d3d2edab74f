import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findRedisServer } from './redis-binary.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-path-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function addProgram(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

test('what is on the PATH is taken', async () => {
  await addProgram('redis-server', '');
  expect(await findRedisServer({ PATH: `/nowhere:${folder}` })).toBe(join(folder, 'redis-server'));
});

test('without a package manager it says what to install', async () => {
  await expect(findRedisServer({ PATH: folder })).rejects.toThrow('install Redis 7');
});

test.runIf(process.getuid?.() === 0)('root installs once, however many ask', async () => {
  const install = `: > ${folder}/redis-server; /bin/chmod 755 ${folder}/redis-server`;
  await addProgram('apt-get', `echo "$@" >> ${folder}/calls; case "$1" in install) ${install};; esac`);
  const env = { PATH: folder, TMPDIR: folder };
  const found = await Promise.all([findRedisServer(env), findRedisServer(env)]);
  expect(new Set(found)).toEqual(new Set([join(folder, 'redis-server')]));
  const calls = await readFile(join(folder, 'calls'), 'utf8');
  expect(calls).toBe('update\ninstall -y --no-install-recommends redis-server\n');
  expect(await readdir(folder)).not.toContain('magic-hour-bff-install.lock');
});
