import { createIssuerKeys, type IssuerKeys } from '../auth/issuer-keys.ts';
import { isJwksText } from '../auth/jwks.ts';
import { type KeyLoader, keysByDiscovery, keysFromFile, keysFromUrl } from '../auth/key-loaders.ts';
import { loadFailure } from '../auth/load-failure.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { createBurst } from '../log-bursts.ts';
import type { Clock } from '../lookup/ports.ts';
import type { FollowedFile } from '../secret.ts';
import { watchedFile } from '../watched-file.ts';

const MAX_AGE_MS = 10 * 60_000;
/** A file costs nothing to read, and whoever exchanged it wants it to count. */
const FILE_MAX_AGE_MS = 1000;

export interface OpenIssuer {
  readonly keys: IssuerKeys;
  /** The files that keys come from. */
  readonly files: readonly FollowedFile[];
  close(): void;
}

/** The issuer's keys, from wherever the configuration says. */
export function openIssuerKeys(auth: Config['auth'], clock: Clock, logger: Logger): OpenIssuer {
  const failing = createBurst<string>({
    happened: (reason, count) => logger.event('issuer_keys_failed', { reason, count }),
    over: () => logger.event('issuer_keys_loaded'),
  });
  const keysFrom = (load: KeyLoader, maxAgeMs: number) =>
    createIssuerKeys({
      async load() {
        const keys = await load();
        failing.over();
        return keys;
      },
      maxAgeMs,
      clock,
      onFailure: (error) => failing.happened(loadFailure(error)),
    });

  if (auth.jwksFile === undefined) {
    const load = auth.jwksUrl === undefined ? keysByDiscovery(auth.issuer) : keysFromUrl(auth.jwksUrl);
    return { keys: keysFrom(load, MAX_AGE_MS), files: [], close: () => undefined };
  }
  const unusable = createBurst<string>({
    happened: (reason, count) => logger.event('issuer_keys_file_unusable', { reason, count }),
  });
  const file = watchedFile(auth.jwksFile, isJwksText, unusable.happened);
  return {
    keys: keysFrom(keysFromFile(file), FILE_MAX_AGE_MS),
    files: [{ setting: 'AUTH_JWKS_FILE', usable: file.usable }],
    close: file.close,
  };
}
