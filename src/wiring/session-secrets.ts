import { scryptSync } from 'node:crypto';
import { areUsableKeys, type SessionSettings } from '../config.ts';
import { isUsableSecret, readEncryptionKeys } from '../config-schema.ts';
import type { Logger } from '../log.ts';
import { createBurst } from '../log-bursts.ts';
import { type FollowedFile, openSecret } from '../secret.ts';

/** 32 MiB and some 60 ms, at the start and when the secret is another: short enough that no command in flight seems to be lost. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 27 };

export interface SessionSecrets {
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
  const unusable = (variable: string) =>
    createBurst<string>({
      happened: (reason, count) => logger.event('session_secret_file_unusable', { variable, reason, count }),
    }).happened;
  const open = (
    setting: string,
    source: SessionSettings['encryptionKeys'],
    isUsable: (text: string) => boolean,
  ) =>
    source && {
      setting,
      fromFile: 'file' in source,
      secret: openSecret(source, unusable(setting), isUsable),
    };
  const client = open('SESSION_CLIENT_SECRET_FILE', settings?.clientSecret, isUsableSecret);
  const keys = open('SESSION_ENCRYPTION_KEYS_FILE', settings?.encryptionKeys, areUsableKeys);
  const opened = [client, keys].filter((each) => each !== undefined);
  const clientSecret = () => client?.secret.key() ?? '';
  const derive = derivedFrom();
  if (client !== undefined && keys === undefined) derive(client.secret.key());
  const encryptionKeys = () => (keys === undefined ? undefined : readEncryptionKeys(keys.secret.key()));
  return {
    clientSecret,
    encryptionKeys: () => encryptionKeys() ?? [derive(clientSecret())],
    files: opened
      .filter(({ fromFile }) => fromFile)
      .map(({ setting, secret: { usable } }) => ({ setting, usable })),
    close() {
      for (const { secret } of opened) secret.close();
    },
  };
}

/**
 * A key out of a client's secret, which people may have made up: what is sealed by it is in everybody's hands, so that each guess
 * at it has to cost something.
 */
function derivedFrom(): (secret: string) => string {
  let last: { readonly secret: string; readonly key: string } | undefined;
  return (secret) => {
    if (last?.secret !== secret)
      last = { secret, key: scryptSync(secret, 'magic-hour-bff sessions', 32, SCRYPT).toString('base64url') };
    return last.key;
  };
}
