import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { findOrInstall } from '../../../test/support/debian-program.ts';

/** The same PNG with 256 colors, which is less than half of the bytes: it lies in a repository. */
export async function withFewerColors(png: Buffer): Promise<Buffer> {
  const pngquant = await findOrInstall('pngquant', 'pngquant');
  const child = spawn(pngquant, ['--speed', '1', '--nofs', '256', '-'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(png);
  const [few, [code]] = await Promise.all([buffer(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`pngquant ended with ${code}`);
  return few;
}
