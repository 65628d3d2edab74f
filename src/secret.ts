import type { SecretSource } from './config.ts';
import { isUsableSecret } from './config-schema.ts';
import type { KeySource } from './upstream/key-ring.ts';
import { watchedFile } from './watched-file.ts';

export interface OpenSecret extends KeySource {
  close(): void;
}

/**
 * Opens a secret. One from a file follows the file; white space around it is no part of it.
 *
 * @throws where the file can't be read or holds no usable secret at first
 */
export function openSecret(source: SecretSource, onProblem: (problem: string) => void): OpenSecret {
  if ('value' in source) return { key: () => source.value, refresh: () => undefined, close: () => undefined };
  const file = watchedFile(source.file, isUsableSecret, onProblem);
  return { key: () => file.content().trim(), refresh: file.reload, close: file.close };
}
