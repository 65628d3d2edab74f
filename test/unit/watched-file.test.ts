import { unwatchFile, watchFile } from 'node:fs';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSecret } from '../../src/secret.ts';
import { type WatchedFile, watchedFile } from '../../src/watched-file.ts';

let folder: string;
let path: string;
let problems: string[];
let file: WatchedFile | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watched-'));
  path = join(folder, 'secret');
  problems = [];
});
afterEach(async () => {
  file?.close();
  file = undefined;
  await rm(folder, { recursive: true });
});

const notEmpty = (content: string) => content.trim() !== '';
const watch = () => watchedFile(path, notEmpty, (problem) => problems.push(problem));

/** Settles once Node's own watch has noticed a change, after those who watched before. */
function noticed(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listener = () => {
    unwatchFile(path, listener);
    resolve();
  };
  watchFile(path, { interval: 1000 }, listener);
  return promise;
}

/** As Kubernetes mounts secrets: the path is a link into a folder that is itself exchanged by a link. */
async function mount(version: string, content: string): Promise<void> {
  const target = join(folder, version);
  await writeFile(target, content);
  await symlink(target, `${path}.new`);
  await rename(`${path}.new`, path);
}

describe('a watched file', () => {
  test('is read anew by itself when its link is exchanged', async () => {
    await mount('version-1', 'one');
    file = watch();
    expect(file.content()).toBe('one');
    const change = noticed();
    await mount('version-2', 'two');
    await change;
    expect(file.content()).toBe('two');
  });

  test('is read anew at once when told', async () => {
    await writeFile(path, 'one');
    file = watch();
    await mount('version-2', 'two');
    expect(file.content()).toBe('one');
    file.reload();
    expect(file.content()).toBe('two');
    expect(problems).toEqual([]);
  });

  test('keeps its last content while it is empty, missing or a folder, and says so', async () => {
    await writeFile(path, 'one');
    file = watch();
    await writeFile(path, '');
    file.reload();
    await rm(path);
    file.reload();
    await symlink(folder, path);
    file.reload();
    expect(file.content()).toBe('one');
    expect(file.usable()).toBe(false);
    expect(problems).toHaveLength(3);
    await rm(path);
    await writeFile(path, 'one');
    file.reload();
    expect(file.usable()).toBe(true);
    await writeFile(path, 'two');
    file.reload();
    expect(file.content()).toBe('two');
  });

  test('never puts a content into what it says', async () => {
    await writeFile(path, 's3cret-one');
    file = watchedFile(
      path,
      (content) => content === 's3cret-one',
      (problem) => problems.push(problem),
    );
    await writeFile(path, 's3cret-two');
    file.reload();
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain('s3cret');
  });

  test('can not be opened where it is missing or not usable', async () => {
    expect(watch).toThrow(/ENOENT/);
    await writeFile(path, ' \n');
    expect(watch).toThrow('not usable');
  });
});

describe('a secret', () => {
  const open = (content: string) =>
    writeFile(path, content).then(() => openSecret({ file: path }, (problem) => problems.push(problem)));

  test('by value is that value', () => {
    const secret = openSecret({ value: 'mhk_1' }, () => undefined);
    secret.refresh();
    secret.close();
    expect(secret.key()).toBe('mhk_1');
  });

  test('from a file is its content without the white space around, and follows it', async () => {
    const secret = await open('\n mhk_1 \r\n');
    try {
      expect(secret.key()).toBe('mhk_1');
      await writeFile(path, 'mhk_2\n');
      secret.refresh();
      expect(secret.key()).toBe('mhk_2');
      await writeFile(path, 'no header\ncan hold this');
      secret.refresh();
      expect(secret.key()).toBe('mhk_2');
      expect(problems).toHaveLength(1);
    } finally {
      secret.close();
    }
  });

  test.each(['', ' \n', 'two words', 'schlüssel', 'line\nfeed'])(
    'can not be opened where the file holds %j',
    async (content) => {
      await expect(open(content)).rejects.toThrow('not usable');
    },
  );
});
