import { mkdir, mkdtemp, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually, startStack } from '../support/stack.ts';

/**
 * A volume of a Secret as the kubelet writes it (pkg/volume/util/atomic_writer.go): `api-key` is a link to
 * `..data/api-key`, `..data` one to a folder with the time in its name. An update makes a new folder, moves a new link over
 * `..data`, and removes the old folder.
 */
async function secretVolume() {
  const folder = await mkdtemp(join(tmpdir(), 'secret-volume-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const data = join(folder, '..data');
  let updates = 0;

  async function write(key: string): Promise<void> {
    updates += 1;
    const name = `..2026_11_24_10_00_00.${updates}`;
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'api-key'), key);
    const old = await readlink(data).catch(() => undefined);
    await symlink(name, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), data);
    if (old === undefined) await symlink('..data/api-key', join(folder, 'api-key'));
    else await rm(join(folder, old), { recursive: true });
  }
  return { write, path: join(folder, 'api-key') };
}

async function startWithMountedKey() {
  const volume = await secretVolume();
  await volume.write('mhk_old');
  const stack = await startStack({
    emulator: { apiKeys: ['mhk_old', 'mhk_new'] },
    env: { MAGIC_HOUR_API_KEY: '', MAGIC_HOUR_API_KEY_FILE: volume.path, CACHE_NOT_FOUND_TTL_SECONDS: '0' },
  });
  const keyUsed = async () => {
    await stack.lookup('missing-1');
    return stack.emulator.requests.at(-1)?.headers.authorization;
  };
  return { ...stack, volume, keyUsed };
}

test('a key that Kubernetes exchanges in a mounted Secret is used from then on, before the old one is withdrawn', async () => {
  const { volume, keyUsed, metric } = await startWithMountedKey();
  expect(await keyUsed()).toBe('Bearer mhk_old');
  await volume.write('mhk_new');
  await eventually(async () => (await keyUsed()) === 'Bearer mhk_new');
  await volume.write('mhk_old');
  await eventually(async () => (await keyUsed()) === 'Bearer mhk_old');
  expect(await metric('upstream_key_rejections_total')).toBe(0);
});

test('an exchanged key counts at once where the old one is refused', async () => {
  const { volume, emulator, lookup } = await startWithMountedKey();
  await volume.write('mhk_new');
  emulator.setApiKeys(['mhk_new']);
  expect((await lookup('complete-1')).status).toBe(200);
});
