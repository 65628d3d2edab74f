import type { IssuerKeys } from '../auth/issuer-keys.ts';
import { judgeByIssuer } from '../auth/issuers.ts';
import { createTokenJudge, type TokenJudge } from '../auth/token-judge.ts';
import type { Config } from '../config.ts';
import type { IssuerSettings } from '../config-issuers.ts';
import type { HealthCheck } from '../http/serve-health.ts';
import type { Logger } from '../log.ts';
import type { Clock } from '../lookup/ports.ts';
import type { Listeners } from '../metrics/listeners.ts';
import type { FollowedFile } from '../secret.ts';
import { openIntrospection } from './introspection.ts';
import { openIssuerKeys } from './issuer-keys.ts';

export interface OpenIssuers {
  readonly judge: TokenJudge;
  /** The keys of the first, at which browsers sign in. */
  readonly first: IssuerKeys;
  /** Whether there are keys to judge each one's tokens with, by its place in the settings. */
  keysAvailable(): ReadonlyArray<readonly [issuer: string, available: boolean]>;
  check: HealthCheck['run'];
  /** This service's own secrets at issuers. */
  secrets(): readonly string[];
  /** The files that keys and secrets come from. */
  readonly files: readonly FollowedFile[];
  /** Loads all keys ahead of the first token. */
  warmUp(): Promise<void>;
  close(): void;
}

/** All issuers of the configuration, each with its own keys: what befalls one is nothing to the users of another. */
export function openIssuers(
  { issuers, introspectionCacheSeconds }: Config['auth'],
  deps: { readonly clock: Clock; readonly logger: Logger; readonly count: Pick<Listeners, 'introspected'> },
): OpenIssuers {
  const { clock, logger, count: events } = deps;
  const open = (settings: IssuerSettings) => ({ settings, ...openIssuerKeys(settings, clock, logger) });
  const [firstSettings, ...more] = issuers;
  const first = open(firstSettings);
  const opened = [first, ...more.map(open)];
  const introspection = openIntrospection(issuers, introspectionCacheSeconds, { clock, logger, events });
  const asked = introspection === undefined ? [] : [introspection];
  const keysAvailable = () => opened.map(({ settings, keys }) => [settings.setting, keys.available] as const);
  const judges = new Map(
    opened.map(({ settings, keys }) => [settings.issuer, createTokenJudge(keys, settings, clock)]),
  );
  return {
    judge: judgeByIssuer(judges, introspection?.judge),
    first: first.keys,
    keysAvailable,
    check() {
      const lacking = keysAvailable().flatMap(([issuer, available]) => (available ? [] : [issuer]));
      if (lacking.length === 0) return { status: 'ok' };
      return { status: 'degraded', detail: `no keys of ${lacking.join(', ')}` };
    },
    secrets: () => asked.map(({ secret }) => secret()),
    files: [...opened, ...asked].flatMap(({ files }) => files),
    async warmUp() {
      await Promise.all(opened.map(({ keys }) => keys.warmUp()));
    },
    close() {
      for (const part of [...opened, ...asked]) part.close();
    },
  };
}
