import type { IssuerKeys } from '../auth/issuer-keys.ts';
import { judgeByIssuer } from '../auth/issuers.ts';
import { createTokenJudge, type TokenJudge } from '../auth/token-judge.ts';
import type { Config } from '../config.ts';
import type { IssuerSettings } from '../config-issuers.ts';
import type { HealthCheck } from '../http/serve-health.ts';
import type { Logger } from '../log.ts';
import type { Clock } from '../lookup/ports.ts';
import type { FollowedFile } from '../secret.ts';
import { openIssuerKeys } from './issuer-keys.ts';

export interface OpenIssuers {
  readonly judge: TokenJudge;
  /** The keys of the first, at which browsers sign in. */
  readonly first: IssuerKeys;
  /** Whether there are keys to judge each one's tokens with, by its place in the settings. */
  keysAvailable(): ReadonlyArray<readonly [issuer: string, available: boolean]>;
  check: HealthCheck['run'];
  /** The files that keys come from. */
  readonly files: readonly FollowedFile[];
  /** Loads all keys ahead of the first token. */
  warmUp(): Promise<void>;
  close(): void;
}

/** All issuers of the configuration, each with its own keys: what befalls one is nothing to the users of another. */
export function openIssuers({ issuers }: Config['auth'], clock: Clock, logger: Logger): OpenIssuers {
  const open = (settings: IssuerSettings) => ({ settings, ...openIssuerKeys(settings, clock, logger) });
  const [firstSettings, ...more] = issuers;
  const first = open(firstSettings);
  const opened = [first, ...more.map(open)];
  const keysAvailable = () => opened.map(({ settings, keys }) => [settings.setting, keys.available] as const);
  return {
    judge: judgeByIssuer(
      new Map(opened.map(({ settings, keys }) => [settings.issuer, createTokenJudge(keys, settings, clock)])),
    ),
    first: first.keys,
    keysAvailable,
    check() {
      const lacking = keysAvailable().flatMap(([issuer, available]) => (available ? [] : [issuer]));
      if (lacking.length === 0) return { status: 'ok' };
      return { status: 'degraded', detail: `no keys of ${lacking.join(', ')}` };
    },
    files: opened.flatMap(({ files }) => files),
    async warmUp() {
      await Promise.all(opened.map(({ keys }) => keys.warmUp()));
    },
    close() {
      for (const issuer of opened) issuer.close();
    },
  };
}
