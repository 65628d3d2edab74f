import type { WebhookSettings } from '../config.ts';
import { isUsableWebhookSecret } from '../config-schema.ts';
import type { Logger } from '../log.ts';
import type { FollowedFile } from '../secret.ts';
import { openFollowedSecret, type UnusableFile } from './followed-secret.ts';

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
  const unusable = (line: UnusableFile) => logger.event('webhook_secret_file_unusable', line);
  const opened = sources.flatMap(({ setting, source }) =>
    source === undefined ? [] : [openFollowedSecret(setting, source, isUsableWebhookSecret, unusable)],
  );
  return {
    all: () => opened.map(({ key }) => key()),
    files: opened.flatMap(({ files }) => files),
    close() {
      for (const secret of opened) secret.close();
    },
  };
}
