import { createIssuerKeys, type IssuerKeys } from '../auth/issuer-keys.ts';
import { isJwksText } from '../auth/jwks.ts';
import { type KeyLoader, keysByDiscovery, keysFromFile, keysFromUrl } from '../auth/key-loaders.ts';
import { loadFailure } from '../auth/load-failure.ts';
import type { IssuerSettings } from '../config-issuers.ts';
import type { Logger } from '../log.ts';
import { createBurst } from '../log-bursts.ts';
import type { Clock } from '../lookup/ports.ts';
import type { FollowedFile } from '../secret.ts';
import { watchedFile } from '../watched-file.ts';

const MAX_AGE_MS = 10 * 60_000;
/** A file costs nothing to read, and whoever exchanged it wants it to count. */
const FILE_MAX_AGE_MS = 1000;

/** One issuer's keys. */
export interface OpenIssuerKeys {
  readonly keys: IssuerKeys;
  /** The files that keys come from. */
  readonly files: readonly FollowedFile[];
  close(): void;
}

/** An issuer's keys, from wherever the configuration says. */
export function openIssuerKeys(settings: IssuerSettings, clock: Clock, logger: Logger): OpenIssuerKeys {
  const { setting: issuer } = settings;
  const failing = createBurst<string>({
    happened: (reason, count) => logger.event('issuer_keys_failed', { issuer, reason, count }),
    over: () => logger.event('issuer_keys_loaded', { issuer }),
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

  const { jwksFile, jwksUrl } = settings;
  if (jwksFile === undefined) {
    const load = jwksUrl === undefined ? keysByDiscovery(settings.issuer) : keysFromUrl(jwksUrl);
    return { keys: keysFrom(load, MAX_AGE_MS), files: [], close: () => undefined };
  }
  const variable = issuer === 'AUTH_ISSUER' ? 'AUTH_JWKS_FILE' : `${issuer}.jwksFile`;
  const unusable = createBurst<string>({
    happened: (reason, count) => logger.event('issuer_keys_file_unusable', { variable, reason, count }),
  });
  const file = watchedFile(jwksFile, isJwksText, unusable.happened);
  return {
    keys: keysFrom(keysFromFile(file), FILE_MAX_AGE_MS),
    files: [{ setting: variable, usable: file.usable }],
    close: file.close,
  };
}
