import type { SecretSource } from './config-files.ts';
import { isUsableSecret } from './config-schema.ts';
import type { KeySource } from './upstream/key-ring.ts';
import { watchedFile } from './watched-file.ts';

/** A file that a setting names and that is read again when it changes. */
export interface FollowedFile {
  /** The setting's variable. */
  readonly setting: string;
  /** Whether it could be read and used at the last look. */
  usable(): boolean;
}

export interface OpenSecret extends KeySource, Pick<FollowedFile, 'usable'> {
  close(): void;
}

/**
 * Opens a secret. One from a file follows the file; white space around it is no part of it.
 *
 * @throws where the file can't be read or holds no usable secret at first
 */
export function openSecret(
  source: SecretSource,
  onProblem: (problem: string) => void,
  isUsable = isUsableSecret,
): OpenSecret {
  if ('value' in source)
    return {
      key: () => source.value,
      refresh: () => undefined,
      usable: () => true,
      close: () => undefined,
    };
  const file = watchedFile(source.file, isUsable, onProblem);
  return { key: () => file.content().trim(), refresh: file.reload, usable: file.usable, close: file.close };
}
