import assert from 'node:assert/strict';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { signedHeaders, webhookBody } from '../test/support/webhook-sender.ts';
import { startServiceContender } from './support/contender.ts';
import { startRenderingStub } from './support/rendering-stub.ts';
import { scrape } from './support/scrape.ts';
import { type Surroundings, tokensOfUsers } from './support/surroundings.ts';
import { completeBody } from './support/upstream-stub.ts';

const SECRET = 'a-secret-of-the-benchmark-alone';
const UPSTREAM_LATENCY_MS = 50;
/** Longer than the whole run: none of them polls in between. */
const NEVER_MS = 600_000;
const READY_EVERY_MS = 50;
/** Not counted: what runs for the first time is compiled first. */
const WARM_UP_DELIVERIES = 20;

export interface WebhookFigures {
  /** From the first byte of a delivery to the event at a stream of another replica, in milliseconds. */
  readonly heardMs: readonly number[];
  /** To the answer of the delivery. */
  readonly answeredMs: readonly number[];
  readonly upstreamRequests: number;
}

/** Deliveries to one replica, one after the other, each of a project that a stream follows at another. */
export async function measureWebhooks(
  { redis, issuer, signal }: Surroundings,
  deliveries: number,
): Promise<WebhookFigures> {
  await redis.command('FLUSHALL');
  await using upstream = await startRenderingStub(UPSTREAM_LATENCY_MS);
  const settings = {
    upstream,
    issuer,
    redisUrl: redis.url,
    logFile: '/dev/null',
    env: {
      WEBHOOK_SECRET: SECRET,
      WATCH_INTERVAL_MIN_MS: `${NEVER_MS}`,
      WATCH_INTERVAL_MAX_MS: `${NEVER_MS}`,
      EVENTS_MAX_STREAMS_PER_USER: '10000',
    },
  };
  await using one = await startServiceContender('one', settings);
  await using other = await startServiceContender('other', settings);
  for (const { opsUrl } of [one, other])
    while ((await scrape(opsUrl))('redis_up') !== 1) await sleep(READY_EVERY_MS, undefined, { signal });
  const [token = ''] = await tokensOfUsers(issuer, 1);

  const heardMs: number[] = [];
  const answeredMs: number[] = [];
  let asked = 0;
  for (let n = 0; n < WARM_UP_DELIVERIES + deliveries; n += 1) {
    signal.throwIfAborted();
    const id = `r${String(n).padStart(6, '0')}`;
    const stream = await follow(`${other.url}/v1/image-projects/${id}/events`, token);
    asked = upstream.answered();
    const body = webhookBody('image.completed', completeBody(id));
    const begunMs = performance.now();
    const delivered = fetch(`${one.url}/webhooks/magic-hour`, {
      method: 'POST',
      headers: signedHeaders(body, { secret: SECRET }),
      body,
    }).then((response) => {
      answeredMs.push(performance.now() - begunMs);
      assert.equal(response.status, 200, 'a delivery must be taken');
      return response.arrayBuffer();
    });
    heardMs.push((await stream.completedAtMs) - begunMs);
    await delivered;
    assert.equal(upstream.answered(), asked, 'the upstream must not be asked');
  }
  return {
    heardMs: heardMs.slice(WARM_UP_DELIVERIES),
    answeredMs: answeredMs.slice(WARM_UP_DELIVERIES),
    upstreamRequests: upstream.answered() - heardMs.length,
  };
}

/** Resolves once the present state has come; `completedAtMs` once the last one has. */
function follow(url: string, token: string): Promise<{ readonly completedAtMs: Promise<number> }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ completedAtMs: Promise<number> }>();
  const completed = Promise.withResolvers<number>();
  get(url, { agent: false, headers: { authorization: `Bearer ${token}` } }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('"complete"')) completed.resolve(performance.now());
      else if (text.includes('"rendering"')) resolve({ completedAtMs: completed.promise });
    });
    response.once('end', () => completed.reject(new Error(`the stream ended: ${text}`)));
  }).once('error', reject);
  return promise;
}
