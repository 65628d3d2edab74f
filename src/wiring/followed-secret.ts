import type { SecretSource } from '../config-files.ts';
import { createBurst } from '../log-bursts.ts';
import { type FollowedFile, type OpenSecret, openSecret } from '../secret.ts';

export interface FollowedSecret extends OpenSecret {
  /** The file that it comes from, if it does. */
  readonly files: readonly FollowedFile[];
}

/** That a secret's file changed and can't be used, for the log. */
export interface UnusableFile {
  readonly variable: string;
  readonly reason: string;
  readonly count: number;
}

/**
 * Opens a secret of the settings, and tells of its file by the variable that names it.
 *
 * @throws where the file can't be read or holds no usable secret at first
 */
export function openFollowedSecret(
  variable: string,
  source: SecretSource,
  isUsable: (content: string) => boolean,
  fileUnusable: (line: UnusableFile) => void,
): FollowedSecret {
  const unusable = createBurst<string>({
    happened: (reason, count) => fileUnusable({ variable, reason, count }),
  });
  const secret = openSecret(source, unusable.happened, isUsable);
  return { ...secret, files: 'file' in source ? [{ setting: variable, usable: secret.usable }] : [] };
}
