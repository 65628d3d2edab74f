import type { Config } from '../config.ts';
import type { WebhookRoute } from '../http/serve-webhook.ts';
import type { LeakGuard } from '../leak-guard.ts';
import type { Logger } from '../log.ts';
import { createBurst } from '../log-bursts.ts';
import type { Lookup } from '../lookup/lookup.ts';
import type { Clock, LookupEvents } from '../lookup/ports.ts';
import type { Watcher } from '../lookup/watcher.ts';
import { createIntake } from '../webhooks/intake.ts';
import type { WebhookEvents } from '../webhooks/refusals.ts';
import { inspectBody } from './upstream.ts';
import type { WebhookSecrets } from './webhook-secrets.ts';

/** The intake of webhooks, where the configuration has a secret for them. */
export function openWebhooks(
  { webhooks, cache }: Pick<Config, 'webhooks' | 'cache'>,
  parts: {
    readonly secrets: Pick<WebhookSecrets, 'all'>;
    readonly lookup: Pick<Lookup, 'deliver' | 'deliveredElsewhere'>;
    readonly watcher: Pick<Watcher, 'heard' | 'heardOf'>;
    readonly clock: Clock;
    readonly leakGuard: LeakGuard;
    readonly count: WebhookEvents & Pick<LookupEvents, 'contractDrifted'>;
    readonly logger: Logger;
  },
): WebhookRoute | undefined {
  if (webhooks === undefined) return undefined;
  const { secrets, leakGuard, count, logger, ...rest } = parts;
  return {
    intake: createIntake({
      ...rest,
      policy: cache,
      events: count,
      isHarmless(body) {
        try {
          inspectBody(leakGuard, body);
          return true;
        } catch {
          return false;
        }
      },
    }),
    secrets: secrets.all,
    toleranceSeconds: webhooks.toleranceSeconds,
    clock: parts.clock,
    events: webhookEvents(count, logger),
  };
}

/** Counts webhooks, and tells of those whose signature was not good. */
function webhookEvents(count: WebhookEvents, logger: Logger): WebhookEvents {
  const refusals = createBurst<string>({
    happened: (reason, count) => logger.event('webhook_refused', { reason, count }),
  });
  return {
    webhookEnded(event, result) {
      count.webhookEnded(event, result);
      if (result === 'bad_signature' || result === 'bad_timestamp') refusals.happened(result);
    },
  };
}
