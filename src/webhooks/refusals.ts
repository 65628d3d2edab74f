import type { WebhookEvent } from './delivery.ts';
import type { IntakeResult } from './intake.ts';
import type { SignatureFault } from './signature.ts';

/** Why a delivery was not even read. */
export type WebhookRefusal = SignatureFault | 'too_large' | 'too_slow' | 'unreadable';

/** Facts about webhooks, for whoever counts or logs them. */
export interface WebhookEvents {
  webhookEnded(event: WebhookEvent | 'other', result: IntakeResult | WebhookRefusal): void;
}
