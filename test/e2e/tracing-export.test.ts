import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CANARIES, findCanaries, SECRETS, SIGNED_URL } from '../support/canaries.ts';
import { freePort } from '../support/free-port.ts';
import { eventually, openStack, type Stack } from '../support/stack.ts';
import { startCollector, startRedis, startTraced } from '../support/traced-stack.ts';

/** So many spans are sent at once at the latest; else once in five seconds. */
const BATCH = 512;
const AT_ONCE = 32;
const ENOUGH = { RATE_LIMIT_MAX: '1000000', RATE_LIMIT_IP_MAX: '1000000' };

/** Without the contract's check of each answer, which takes its time. */
async function lookUpOften({ service, issuer }: Stack, times: number): Promise<void> {
  const headers = { authorization: `Bearer ${await issuer.token()}` };
  const lookUp = async (id: string) => {
    const answer = await fetch(`${service.publicUrl}/v1/image-projects/${id}`, { headers });
    await answer.arrayBuffer();
    return answer.status;
  };
  for (let left = times; left > 0; left -= AT_ONCE) {
    const statuses = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, n) => lookUp(`complete-${n % 3}`)),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
  }
}

describe('the export', () => {
  test('holds no secret, no id and no user, whatever a caller sends and wherever it fails', async () => {
    const redis = await startRedis(SECRETS.redisPassword);
    const { lookup, client, issuer, metric, traces, collector } = await startTraced({
      emulator: { apiKeys: [SECRETS.apiKey] },
      env: {
        MAGIC_HOUR_API_KEY_NEXT: SECRETS.nextKey,
        REDIS_URL: redis.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collector-canary-3fa9',
      },
    });
    await eventually(async () => (await metric('redis_up')) === 1);
    const token = await issuer.token({ sub: 'canary-user-51c2' });
    const headers = {
      authorization: `Bearer ${token}`,
      cookie: `session=${SECRETS.cookie}`,
      referer: SIGNED_URL,
    };
    for (const id of ['complete-canary-77e1', 'status-500-canary-77e1', 'missing-canary-77e1']) {
      await client.request(`/v1/image-projects/${id}?token=${SECRETS.queryToken}`, { headers });
      await client.request(`/v1/image-projects/${id}`, { headers });
    }
    await client.request(`/v1/${SECRETS.queryToken}`, { headers });
    redis.pause();
    await lookup('complete-canary-77e2');
    redis.resume();
    expect((await traces()).length).toBeGreaterThan(6);
    expect(collector.requests[0]?.headers.authorization).toBe('Bearer collector-canary-3fa9');
    const own = [
      { name: 'the token', value: token },
      { name: 'the project', value: 'canary-77e1' },
      { name: 'the user', value: 'canary-user-51c2' },
      { name: "the collector's token", value: 'collector-canary-3fa9' },
    ];
    const outlets = [{ where: 'the export', text: collector.raw() }];
    expect(findCanaries([...CANARIES, ...own], outlets)).toEqual([]);
  });

  test('goes to the path of traces behind whatever the endpoint has', async () => {
    const collector = await startCollector();
    const { lookup, stop } = await openStack({
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.endpoint}/otlp/` },
    });
    await lookup('complete-1');
    await stop();
    expect(collector.requests.map(({ url }) => url)).toEqual(['/otlp/v1/traces']);
  });

  test('goes to no endpoint but ours and by our token, whatever the exporter finds in the environment', async () => {
    const [collector, other] = await Promise.all([startCollector(), startCollector()]);
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', other.endpoint);
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'authorization=theirs');
    const { lookup, stop } = await openStack({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=ours',
      },
    });
    await lookup('complete-1');
    await stop();
    expect(collector.requests.map(({ headers }) => headers.authorization)).toEqual(['ours']);
    expect(other.requests).toEqual([]);
  });

  test('that is refused fails no request, and is told at once and as it is over, not each time', async () => {
    const traced = await startTraced({ env: ENOUGH });
    const { logs, collector, stop } = traced;
    const told = (event: string) => logs().filter((line) => line.includes(`"event":"${event}"`));
    collector.answer(400);
    await lookUpOften(traced, 4 * BATCH);
    await eventually(() => collector.requests.length >= 3);
    expect(collector.spans).toEqual([]);
    expect(told('spans_not_exported')).toHaveLength(1);
    collector.answer(200);
    await lookUpOften(traced, 2 * BATCH);
    await stop();
    expect(collector.spans.length).toBeGreaterThan(BATCH);
    const [first, second, ...more] = told('spans_not_exported');
    expect(first).toMatch(/"reason":"400","count":1,/);
    // The rest is told as it is over.
    expect(second).toMatch(/"reason":"400","count":[2-9],/);
    expect(more).toEqual([]);
    expect(told('spans_exported')).toHaveLength(1);
  });

  test('to nobody fails no request', async () => {
    const stack = await openStack({
      env: { ...ENOUGH, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` },
    });
    await lookUpOften(stack, 2 * BATCH);
    await stack.stop();
  });

  test('to a collector that hangs fails no request, and a stop ends within its grace', async () => {
    const traced = await startTraced({
      env: { ...ENOUGH, SHUTDOWN_GRACE_SECONDS: '4' },
    });
    const { collector, stop } = traced;
    collector.answer('never');
    await lookUpOften(traced, 6 * BATCH);
    expect(collector.requests.length).toBeGreaterThan(0);
    // The exporter itself would wait for ten seconds.
    const tooLate = new Promise((resolve) => setTimeout(resolve, 9000, 'too late').unref());
    expect(await Promise.race([stop(), tooLate])).toBeUndefined();
  });
});
