import type { WebhookSettings } from '../config.ts';
import type { SecretSource } from '../config-files.ts';
import { isUsableWebhookSecret } from '../config-schema.ts';
import type { Logger } from '../log.ts';
import { createBurst } from '../log-bursts.ts';
import { type FollowedFile, openSecret } from '../secret.ts';

export interface WebhookSecrets {
  /** As they are now. */
  all(): readonly string[];
  /** The files that they come from. */
  readonly files: readonly FollowedFile[];
  close(): void;
}

/** The secrets of webhooks, from wherever the configuration says; there may be none. */
export function openWebhookSecrets(settings: WebhookSettings | undefined, logger: Logger): WebhookSecrets {
  const sources = [
    { setting: 'WEBHOOK_SECRET_FILE', source: settings?.secret },
    { setting: 'WEBHOOK_SECRET_NEXT_FILE', source: settings?.nextSecret },
  ];
  const opened = sources.flatMap(({ setting, source }) =>
    source === undefined
      ? []
      : [{ setting, fromFile: 'file' in source, secret: openOne(setting, source, logger) }],
  );
  return {
    all: () => opened.map(({ secret }) => secret.key()),
    files: opened
      .filter(({ fromFile }) => fromFile)
      .map(({ setting, secret: { usable } }) => ({ setting, usable })),
    close() {
      for (const { secret } of opened) secret.close();
    },
  };
}

function openOne(variable: string, source: SecretSource, logger: Logger) {
  const unusable = createBurst<string>({
    happened: (reason, count) => logger.event('webhook_secret_file_unusable', { variable, reason, count }),
  });
  return openSecret(source, unusable.happened, isUsableWebhookSecret);
}
