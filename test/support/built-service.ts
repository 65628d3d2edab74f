import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../scripts/bundle.ts';

export interface BuiltService {
  /** How Node is told to run it. */
  readonly args: readonly string[];
  /** The sources that were built in, packages' included. */
  readonly files: string[];
  remove(): Promise<void>;
}

/** What the image holds, where no node_modules can be found; without docs/, so that a request for the description fails. */
export async function buildService(): Promise<BuiltService> {
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-built-'));
  for (const name of ['config', 'package.json']) await cp(name, join(folder, name), { recursive: true });
  const files = await bundle(join(folder, 'dist'));
  return { args: [join(folder, 'dist/main.js')], files, remove: () => rm(folder, { recursive: true }) };
}
