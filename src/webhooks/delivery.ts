import { z } from 'zod';
import { parseJsonBytes } from '../json.ts';
import { KINDS, type Kind } from '../lookup/project.ts';
import { rawMember } from './raw-member.ts';

/** Magic Hour's webhooks (its description of them). A canceled project sends none. */
const CHANGES = ['started', 'completed', 'errored'] as const;
export type WebhookEvent = `${Kind}.${(typeof CHANGES)[number]}`;

const KIND_OF: ReadonlyMap<string, { readonly event: WebhookEvent; readonly kind: Kind }> = new Map(
  KINDS.flatMap((kind) =>
    CHANGES.map((change) => [`${kind}.${change}`, { event: `${kind}.${change}` as const, kind }] as const),
  ),
);

export type Delivery =
  | {
      readonly event: WebhookEvent;
      readonly kind: Kind;
      /** The payload's own bytes: the same object that a lookup answers. */
      readonly body: Buffer;
    }
  /** An event that this service does nothing about. */
  | { readonly event: 'other' };

const typeSchema = z.looseObject({ type: z.string() });

/**
 * Reads a delivery's body.
 *
 * @returns `undefined` where it is not a JSON object with one `type` and, of an event that is known, one `payload`
 */
export function readDelivery(rawBody: Buffer): Delivery | undefined {
  const read = typeSchema.safeParse(parseJsonBytes(rawBody));
  if (!read.success || rawMember(rawBody, 'type') === undefined) return undefined;
  const known = KIND_OF.get(read.data.type);
  if (known === undefined) return { event: 'other' };
  const body = rawMember(rawBody, 'payload');
  return body && { ...known, body };
}
