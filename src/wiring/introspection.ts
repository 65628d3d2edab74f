import { createIntrospection, type IntrospectionEvents } from '../auth/introspection.ts';
import { introspectionEndpoint } from '../auth/introspection-endpoint.ts';
import { loadFailure } from '../auth/load-failure.ts';
import type { TokenJudge } from '../auth/token-judge.ts';
import type { IssuerSettings } from '../config-issuers.ts';
import { isUsableClientSecret } from '../config-schema.ts';
import type { Logger } from '../log.ts';
import { createBurst } from '../log-bursts.ts';
import type { Clock } from '../lookup/ports.ts';
import type { FollowedFile } from '../secret.ts';
import { openFollowedSecret } from './followed-secret.ts';

export interface OpenIntrospection {
  readonly judge: TokenJudge;
  /** As it is now. */
  secret(): string;
  /** The file that the secret comes from, if it does. */
  readonly files: readonly FollowedFile[];
  close(): void;
}

/** The one issuer that is asked about opaque tokens; `undefined` where none is. */
export function openIntrospection(
  issuers: readonly IssuerSettings[],
  cacheSeconds: number,
  deps: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly events: Pick<IntrospectionEvents, 'introspected'>;
  },
): OpenIntrospection | undefined {
  const { clock, logger, events } = deps;
  const asked = issuers.find(({ introspection }) => introspection !== undefined);
  if (asked?.introspection === undefined) return undefined;
  const { clientId, clientSecret, url, secretSetting } = asked.introspection;
  const secret = openFollowedSecret(secretSetting, clientSecret, isUsableClientSecret, (line) =>
    logger.event('introspection_secret_file_unusable', line),
  );
  const failing = createBurst<string>({
    happened: (reason, count) =>
      logger.event('introspection_failed', { issuer: asked.setting, reason, count }),
    over: () => logger.event('introspection_works_again', { issuer: asked.setting }),
  });
  const ask = introspectionEndpoint(asked.issuer, { clientId, clientSecret: secret.key, url }, clock);
  return {
    judge: createIntrospection({
      ask,
      rules: asked,
      cacheSeconds,
      clock,
      events: {
        ...events,
        introspectionFailed: (error) => failing.happened(loadFailure(error)),
        introspectionAnswered: failing.over,
      },
    }),
    secret: secret.key,
    files: secret.files,
    close: secret.close,
  };
}
