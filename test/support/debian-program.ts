import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const INSTALL_TIMEOUT_MS = 180_000;
const LOCK_POLL_MS = 250;

/**
 * The path of a program. Where `PATH` has none, it is installed on Debian and its like, given root.
 *
 * @param hint what a person shall install where that can't be done
 * @param debianPackage the package that it is in
 * @throws Error that says so
 */
export async function findOrInstall(
  name: string,
  hint: string,
  env: NodeJS.ProcessEnv = process.env,
  debianPackage = name,
): Promise<string> {
  const found = findOnPath(name, env);
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || findOnPath('apt-get', env) === undefined) {
    throw new Error(`${name} is not on the PATH: install ${hint} (Debian: apt-get install ${debianPackage})`);
  }
  return await installOnce(name, debianPackage, env);
}

function findOnPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const candidates = (env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** One process installs, by holding a directory that only one can make; the others wait for what it brings. */
async function installOnce(name: string, debianPackage: string, env: NodeJS.ProcessEnv): Promise<string> {
  const lock = join(env.TMPDIR ?? tmpdir(), `magic-hour-bff-install.lock`);
  const deadlineMs = Date.now() + INSTALL_TIMEOUT_MS;
  while (!tryLock(lock)) {
    if (Date.now() > deadlineMs)
      throw new Error(`another process has been installing ${name} too long: ${lock}`);
    await sleep(LOCK_POLL_MS);
  }
  try {
    const broughtByAnother = findOnPath(name, env);
    if (broughtByAnother !== undefined) return broughtByAnother;
    await aptGet(['update'], env);
    await aptGet(['install', '-y', '--no-install-recommends', debianPackage], env);
  } finally {
    rmdirSync(lock);
  }
  const installed = findOnPath(name, env);
  if (installed === undefined)
    throw new Error(`apt-get installed ${debianPackage}, but ${name} is not on the PATH`);
  return installed;
}

function tryLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function aptGet(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  await run('apt-get', args, {
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: INSTALL_TIMEOUT_MS,
  });
}
