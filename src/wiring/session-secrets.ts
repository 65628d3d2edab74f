import { scryptSync } from 'node:crypto';
import { areUsableKeys, type SessionSettings } from '../config.ts';
import { isUsableSecret, readEncryptionKeys } from '../config-schema.ts';
import type { Logger } from '../log.ts';
import type { FollowedFile } from '../secret.ts';
import { openFollowedSecret, type UnusableFile } from './followed-secret.ts';

/** 32 MiB and some 60 ms, at the start and when the secret is another: short enough that no command in flight seems to be lost. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 27 };

export interface SessionSecrets {
  /** All that must not get out. */
  all(): readonly string[];
  /** '' where there are no sessions. */
  clientSecret(): string;
  /** The first encrypts, all decrypt. */
  encryptionKeys(): readonly string[];
  /** The files that they come from. */
  readonly files: readonly FollowedFile[];
  close(): void;
}

/** The secrets of sessions, from wherever the configuration says; there may be none. */
export function openSessionSecrets(settings: SessionSettings | undefined, logger: Logger): SessionSecrets {
  const unusable = (line: UnusableFile) => logger.event('session_secret_file_unusable', line);
  const client =
    settings &&
    openFollowedSecret('SESSION_CLIENT_SECRET_FILE', settings.clientSecret, isUsableSecret, unusable);
  const keys =
    settings?.encryptionKeys &&
    openFollowedSecret('SESSION_ENCRYPTION_KEYS_FILE', settings.encryptionKeys, areUsableKeys, unusable);
  const opened = [client, keys].filter((each) => each !== undefined);
  const clientSecret = () => client?.key() ?? '';
  const derive = ofLast(keyDerivedFrom);
  const read = ofLast(readEncryptionKeys);
  if (client !== undefined && keys === undefined) derive(client.key());
  const encryptionKeys = () => keys && read(keys.key());
  return {
    all: () => (client === undefined ? [] : [client.key(), ...(encryptionKeys() ?? [])]),
    clientSecret,
    encryptionKeys: () => encryptionKeys() ?? [derive(clientSecret())],
    files: opened.flatMap(({ files }) => files),
    close() {
      for (const secret of opened) secret.close();
    },
  };
}

/**
 * A key out of a client's secret, which people may have made up: what is sealed by it is in everybody's hands, so that each guess
 * at it has to cost something.
 */
function keyDerivedFrom(secret: string): string {
  return scryptSync(secret, 'magic-hour-bff sessions', 32, SCRYPT).toString('base64url');
}

/** What is made of a secret, made again only when the secret is another: it is asked for with each cookie. */
function ofLast<T>(make: (secret: string) => T): (secret: string) => T {
  let last: { readonly secret: string; readonly made: T } | undefined;
  return (secret) => {
    if (last?.secret !== secret) last = { secret, made: make(secret) };
    return last.made;
  };
}
