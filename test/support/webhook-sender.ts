import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** Easy to find where it must not be. */
export const WEBHOOK_SECRET = 'whsec_test_recognisable_webhook_secret';

export interface WebhookOptions {
  readonly secret?: string;
  /** Unix milliseconds; default: the true time. */
  readonly nowMs?: number;
}

/** The headers that Magic Hour sends with a body, after the recipe that it publishes. */
export function signedHeaders(
  body: string | Uint8Array,
  { secret = WEBHOOK_SECRET, nowMs = Date.now() }: WebhookOptions = {},
): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  return {
    'content-type': 'application/json',
    'magic-hour-event-signature': createHmac('sha256', secret)
      .update(`${timestamp}.`)
      .update(body)
      .digest('hex'),
    'magic-hour-event-timestamp': timestamp,
  };
}

/** @param payload the lookup's own body */
export function webhookBody(type: string, payload: string): string {
  return `{"type":${JSON.stringify(type)},"payload":${payload}}`;
}

export interface SentWebhook {
  /** What was answered, in turn; 0 where nothing was within 10 seconds. */
  readonly statuses: readonly number[];
}

/** As Magic Hour: until an answer is 2xx, again after 1 s, 2 s, 4 s … */
export async function sendWebhook(
  url: string,
  body: string,
  options: WebhookOptions & {
    /** Whether a repetition is signed anew; default: it is the same once more. */
    readonly afresh?: boolean;
    readonly attempts?: number;
    /** Default 1000. */
    readonly firstPauseMs?: number;
  } = {},
): Promise<SentWebhook> {
  const { afresh = false, attempts = 8, firstPauseMs = 1000 } = options;
  const statuses: number[] = [];
  let headers = signedHeaders(body, options);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (attempt > 0) await sleep(firstPauseMs * 2 ** (attempt - 1));
    if (attempt > 0 && afresh) headers = signedHeaders(body, options);
    const status = await post(url, body, headers);
    statuses.push(status);
    if (status >= 200 && status < 300) break;
  }
  return { statuses };
}

async function post(url: string, body: string, headers: Record<string, string>): Promise<number> {
  try {
    const response = await fetch(url, { method: 'POST', body, headers, signal: AbortSignal.timeout(10_000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}
