import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Worktree extends Disposable {
  readonly folder: string;
}

/**
 * Another revision of this project, with the dependencies of this one.
 *
 * @param folder must not be there yet
 * @throws Error where git doesn't know the revision
 */
export function checkOut(revision: string, folder: string): Worktree {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  git('worktree', 'add', '--detach', folder, revision);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return {
    folder,
    [Symbol.dispose]: () => void git('worktree', 'remove', '--force', folder),
  };
}
