import { createHmac, timingSafeEqual } from 'node:crypto';

/** Both header values as they came; `undefined` where one was not sent just once. */
export interface SignatureHeaders {
  readonly signature: string | undefined;
  readonly timestamp: string | undefined;
}

export type SignatureFault = 'bad_signature' | 'bad_timestamp';

export const SIGNATURE_HEADER = 'magic-hour-event-signature';
export const TIMESTAMP_HEADER = 'magic-hour-event-timestamp';

const SIGNATURE = /^[0-9A-Fa-f]{64}$/;
/** Unix seconds; twelve digits are enough for some 30,000 years. */
const TIMESTAMP = /^[0-9]{1,12}$/;

/** Whether a timestamp was sent that is near enough to now. Costs nothing, and needs no body. */
export function isTimely(timestamp: string | undefined, nowMs: number, toleranceSeconds: number): boolean {
  if (timestamp === undefined || !TIMESTAMP.test(timestamp)) return false;
  return Math.abs(nowMs - Number(timestamp) * 1000) <= toleranceSeconds * 1000;
}

/** Whether it can be a signature at all. */
export function isSignature(signature: string | undefined): signature is string {
  return signature !== undefined && SIGNATURE.test(signature);
}

/**
 * HMAC-SHA256 over `{timestamp}.{raw body}`, as Magic Hour signs.
 *
 * Source: https://docs.magichour.ai/integration/webhook/secure-handler
 */
export function signatureOf(rawBody: Uint8Array, timestamp: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(rawBody).digest();
}

/**
 * Whether a delivery comes from whoever knows one of the secrets, and was signed a short time ago.
 *
 * How long it takes says nothing of the secrets: each is tried, whichever fits, and compared in constant time.
 *
 * @returns what is wrong; `undefined` where nothing is
 */
export function signatureFault(
  rawBody: Uint8Array,
  { signature, timestamp }: SignatureHeaders,
  secrets: readonly string[],
  nowMs: number,
  toleranceSeconds: number,
): SignatureFault | undefined {
  if (timestamp === undefined || !isTimely(timestamp, nowMs, toleranceSeconds)) return 'bad_timestamp';
  if (!isSignature(signature)) return 'bad_signature';
  const sent = Buffer.from(signature, 'hex');
  let fits = false;
  for (const secret of secrets) {
    const same = timingSafeEqual(sent, signatureOf(rawBody, timestamp, secret));
    fits ||= same;
  }
  return fits ? undefined : 'bad_signature';
}
