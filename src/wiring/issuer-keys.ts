import { createIssuerKeys, type IssuerKeys } from '../auth/issuer-keys.ts';
import { isJwksText } from '../auth/jwks.ts';
import { type KeyLoader, keysByDiscovery, keysFromFile, keysFromUrl } from '../auth/key-loaders.ts';
import type { Config } from '../config.ts';
import { describeError, type Logger } from '../log.ts';
import type { Clock } from '../lookup/ports.ts';
import { watchedFile } from '../watched-file.ts';

const MAX_AGE_MS = 10 * 60_000;
/** A file costs nothing to read, and whoever exchanged it wants it to count. */
const FILE_MAX_AGE_MS = 1000;

/** The issuer's keys, from wherever the configuration says. */
export function openIssuerKeys(
  auth: Config['auth'],
  clock: Clock,
  logger: Logger,
): { readonly keys: IssuerKeys; close(): void } {
  const onFailure = (error: unknown) =>
    logger.warn(
      { error: describeError(error) },
      "the issuer's keys could not be loaded; known ones stay in force",
    );
  const keysFrom = (load: KeyLoader, maxAgeMs: number) =>
    createIssuerKeys({ load, maxAgeMs, clock, onFailure });

  if (auth.jwksFile === undefined) {
    const load = auth.jwksUrl === undefined ? keysByDiscovery(auth.issuer) : keysFromUrl(auth.jwksUrl);
    return { keys: keysFrom(load, MAX_AGE_MS), close: () => undefined };
  }
  const file = watchedFile(auth.jwksFile, isJwksText, (problem) =>
    logger.warn({ problem }, 'AUTH_JWKS_FILE'),
  );
  return { keys: keysFrom(keysFromFile(file), FILE_MAX_AGE_MS), close: file.close };
}
