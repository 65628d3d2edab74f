import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Where a secret comes from: its value, or a file that holds it and may change while the service runs. */
export type SecretSource = { readonly value: string } | { readonly file: string };

export function secretSource(value: string | undefined, file: string | undefined): SecretSource | undefined {
  if (value !== undefined) return { value };
  return file === undefined ? undefined : { file };
}

/**
 * What is wrong with a file that a setting names; nothing where it names none.
 *
 * @param holds what should be in it, in a word
 * @returns at most one line, with nothing of the file and not its path
 */
export function fileFault(
  name: string,
  path: string | undefined,
  isUsable: (content: string) => boolean,
  holds: string,
): string[] {
  if (path === undefined || path === '') return [];
  const content = readTextFile(path);
  if ('code' in content) return [`${name}: the file can't be read (${content.code})`];
  return isUsable(content.text) ? [] : [`${name}: the file holds no usable ${holds}`];
}

/** @returns the system's error code where it can't be read */
export function readTextFile(path: string): { readonly text: string } | { readonly code: string } {
  try {
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    return z.object({ code: z.string().catch('unknown') }).parse(error);
  }
}
