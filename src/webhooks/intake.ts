import { createHash } from 'node:crypto';
import type { DeliveryResult } from '../lookup/deliveries.ts';
import type { FreshnessPolicy } from '../lookup/freshness.ts';
import type { Lookup } from '../lookup/lookup.ts';
import { madeAnswer } from '../lookup/made-answer.ts';
import type { Clock, LookupEvents } from '../lookup/ports.ts';
import { PROJECT_ID_PATTERN } from '../lookup/project.ts';
import type { Watcher } from '../lookup/watcher.ts';
import { readDelivery, type WebhookEvent } from './delivery.ts';

/** What became of a delivery whose signature was good. */
export type IntakeResult = DeliveryResult | 'ignored' | 'unreadable' | 'unavailable';

export interface TakenDelivery {
  readonly event: WebhookEvent | 'other';
  readonly result: IntakeResult;
  /** Of `unavailable`. */
  readonly cause?: unknown;
}

/**
 * Takes a delivery that is known to be Magic Hour's.
 *
 * @param timestamp its header
 */
export type Intake = (rawBody: Buffer, timestamp: string) => Promise<TakenDelivery>;

export function createIntake(dependencies: {
  readonly lookup: Pick<Lookup, 'deliver' | 'deliveredElsewhere'>;
  readonly watcher: Pick<Watcher, 'heard' | 'heardOf'>;
  readonly clock: Clock;
  readonly policy: FreshnessPolicy;
  readonly events: Pick<LookupEvents, 'contractDrifted'>;
  /** Whether a body may be kept: what is kept goes out from every replica. */
  readonly isHarmless: (body: Buffer) => boolean;
}): Intake {
  const { lookup, watcher, clock, policy, events, isHarmless } = dependencies;
  return async (rawBody, timestamp) => {
    const delivery = readDelivery(rawBody);
    if (delivery === undefined) return { event: 'other', result: 'unreadable' };
    if (delivery.event === 'other') return { event: 'other', result: 'ignored' };
    const { event, kind, body } = delivery;
    const sent = { body, dateMs: Number(timestamp) * 1000 };
    const made = madeAnswer(kind, sent, clock.now(), policy, false);
    if (made === undefined || !PROJECT_ID_PATTERN.test(made.id) || !isHarmless(body))
      return { event, result: 'unreadable' };
    for (const field of made.drift) events.contractDrifted(field);
    const { id, answer } = made;
    const deliveryId = deliveryIdOf(rawBody, timestamp);
    try {
      const { result, current } = await lookup.deliver({ kind, id, answer, deliveryId });
      if (current) watcher.heard(kind, id, answer);
      // It may have been kept at a time when this replica was not told so.
      else if (result === 'stored' || result === 'replayed') {
        lookup.deliveredElsewhere(kind, id);
        watcher.heardOf(kind, id, answer.etag);
      }
      return { event, result };
    } catch (cause) {
      return { event, result: 'unavailable', cause };
    }
  };
}

/** Of what was signed; the signature itself has more than one spelling, and is another by the next secret. */
function deliveryIdOf(rawBody: Buffer, timestamp: string): string {
  return createHash('sha256').update(`${timestamp}.`).update(rawBody).digest('base64url').slice(0, 22);
}
