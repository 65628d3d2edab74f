import { HttpError } from '../errors.ts';
import type { Clock } from '../lookup/ports.ts';
import type { Intake } from '../webhooks/intake.ts';
import type { WebhookEvents, WebhookRefusal } from '../webhooks/refusals.ts';
import {
  isSignature,
  isTimely,
  SIGNATURE_HEADER,
  type SignatureFault,
  signatureFault,
  TIMESTAMP_HEADER,
} from '../webhooks/signature.ts';
import { countHeader } from './raw-headers.ts';
import { readBody } from './read-body.ts';
import type { AppRequest, AppResponse, Handler } from './request-context.ts';
import { respond, UNSTORED_JSON } from './respond.ts';

const MAX_BODY_BYTES = 1024 * 1024;
/** Of the second in which a delivery is answered; the rest is for Redis. */
const BODY_WITHIN_MS = 500;
const RETRY_AFTER_SECONDS = 1;

export interface WebhookRoute {
  readonly intake: Intake;
  /** Asked for at each delivery, since they change in their files. */
  readonly secrets: () => readonly string[];
  readonly toleranceSeconds: number;
  readonly clock: Clock;
  readonly events: WebhookEvents;
}

/** Takes Magic Hour's webhooks. 2xx says that what a delivery told is kept for all replicas, or that it is of no concern. */
export function serveWebhook({ intake, secrets, toleranceSeconds, clock, events }: WebhookRoute): Handler {
  /** All of them are answered alike. */
  function refuse(fault: SignatureFault): never {
    events.webhookEnded('other', fault);
    throw new HttpError('signature_invalid', { reason: fault });
  }

  async function read(req: AppRequest, res: AppResponse): Promise<Buffer> {
    try {
      return await readBody(req, res, { maxBytes: MAX_BODY_BYTES, withinMs: BODY_WITHIN_MS });
    } catch (error) {
      if (error instanceof HttpError) events.webhookEnded('other', refusalOf(error));
      throw error;
    }
  }

  return async (req, res) => {
    const signature = onlyOne(req, SIGNATURE_HEADER);
    const timestamp = onlyOne(req, TIMESTAMP_HEADER);
    // What can be told from the head alone costs no body.
    if (timestamp === undefined || !isTimely(timestamp, clock.now(), toleranceSeconds))
      return refuse('bad_timestamp');
    if (!isSignature(signature)) return refuse('bad_signature');
    const rawBody = await read(req, res);
    const sent = { signature, timestamp };
    const fault = signatureFault(rawBody, sent, secrets(), clock.now(), toleranceSeconds);
    if (fault !== undefined) return refuse(fault);

    const { event, result, cause } = await intake(rawBody, timestamp);
    events.webhookEnded(event, result);
    if (result === 'unreadable') throw new HttpError('invalid_request', { reason: 'unreadable webhook' });
    if (result === 'unavailable')
      throw new HttpError('cache_unavailable', { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
    respond(req, res, 200, UNSTORED_JSON, JSON.stringify({ result }));
  };
}

/** A header that was sent twice is none: something in front may have looked at the other one. */
function onlyOne(req: AppRequest, name: string): string | undefined {
  const value = req.headers[name];
  return typeof value === 'string' && countHeader(req.rawHeaders, name) === 1 ? value : undefined;
}

function refusalOf({ code }: HttpError): WebhookRefusal {
  if (code === 'request_too_large') return 'too_large';
  return code === 'request_timeout' ? 'too_slow' : 'unreadable';
}
