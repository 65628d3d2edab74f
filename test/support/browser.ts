import { type Browser, chromium } from 'playwright-core';
import { findOrInstall } from './debian-program.ts';

/** As root Chromium has no sandbox; the rest keeps it from looking for Google's hosts on a machine that has no way there. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** The path of `chromium`, found or installed. @throws Error that says what to install */
export function findChromium(): Promise<string> {
  return findOrInstall('chromium', 'Chromium');
}

/** A real browser without a window; who starts it closes it. @param more arguments of its command line */
export async function startBrowser(...more: readonly string[]): Promise<Browser> {
  return await chromium.launch({ executablePath: await findChromium(), args: [...ARGUMENTS, ...more] });
}
