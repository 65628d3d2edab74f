import { describe, expect, test } from 'vitest';
import { KINDS } from '../../src/lookup/project.ts';
import { openEvents } from '../support/event-reader.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

const ENV = { CACHE_PENDING_TTL_MS: '50', WATCH_INTERVAL_MIN_MS: '50' };

async function follow(
  { service, issuer }: Pick<Stack, 'service' | 'issuer'>,
  id: string,
  {
    kind = 'image',
    headers = {},
    ...claims
  }: { kind?: string; headers?: Record<string, string>; exp?: number } = {},
) {
  const authorization = `Bearer ${await issuer.token({ sub: 'alice', ...claims })}`;
  return openEvents(`${service.publicUrl}/v1/${kind}-projects/${id}/events`, { authorization, ...headers });
}

const stateOf = ({ data }: { data: string }): { status: string } => JSON.parse(data);

describe('a stream of events', () => {
  test.each(KINDS)(
    'tells the present state of %s projects, each change, and ends behind the last one',
    async (kind) => {
      const stack = await startStack({ env: ENV, emulator: { queuedMs: 200, renderingMs: 200 } });
      const stream = await follow(stack, 'demo-1', { kind });
      expect(stream.response.statusCode).toBe(200);
      expect(stream.response.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      await stream.ended;
      expect(stream.events.map(({ event }) => event)).toEqual(['status', 'status', 'status']);
      expect(stream.events.map(stateOf).map(({ status }) => status)).toEqual([
        'queued',
        'rendering',
        'complete',
      ]);
      expect(new Set(stream.events.map(({ id }) => id)).size).toBe(3);
      expect(stream.retryMs()).toBeGreaterThanOrEqual(1000);
      const lookup = await stack.client.request(`/v1/${kind}-projects/demo-1`, {
        headers: { authorization: `Bearer ${await stack.issuer.token({ sub: 'bob' })}` },
      });
      expect(stream.events.at(-1)?.data).toBe(lookup.body.toString());
      expect(`"${stream.events.at(-1)?.id}"`).toBe(lookup.headers.get('etag'));
    },
  );

  test('is spelled as the contract spells it', async () => {
    const stack = await startStack();
    const stream = await follow(stack, 'complete-1');
    await stream.ended;
    expect(stream.text()).toMatch(
      /^retry: \d{4}\n\nevent: status\nid: [\w-]{43}\ndata: \{"id":"complete-1",.*\}\n\n$/,
    );
  });

  test('has a body of many lines on one', async () => {
    const stack = await startStack();
    const fields = { id: 'lines', status: 'complete', name: 'a\nb é 🌅', downloads: [] };
    const body = JSON.stringify(fields, null, 2).replaceAll('\n', '\r\n');
    stack.emulator.project('lines', { response: { status: 200, body } });
    const stream = await follow(stack, 'lines');
    await stream.ended;
    expect(stream.text().match(/^data:/gm)).toHaveLength(1);
    expect(JSON.parse(stream.events[0]?.data ?? '')).toEqual(fields);
  });

  test('goes on behind the state that its reader saw', async () => {
    const stack = await startStack({ env: ENV });
    stack.emulator.project('p1', { status: 'queued' });
    const before = await follow(stack, 'p1');
    const { id = '' } = await before.event(0);
    before.leave();
    const after = await follow(stack, 'p1', { headers: { 'last-event-id': id } });
    stack.emulator.project('p1', { status: 'rendering' });
    expect(stateOf(await after.event(0)).status).toBe('rendering');
  });

  test('says 204 to a reader who saw the last state, so that it does not come back', async () => {
    const stack = await startStack();
    const before = await follow(stack, 'complete-1');
    const { id = '' } = await before.event(0);
    const after = await follow(stack, 'complete-1', { headers: { 'last-event-id': id } });
    expect(after.response.statusCode).toBe(204);
  });

  test("ends with the user's token", async () => {
    const stack = await startStack({ env: ENV });
    stack.emulator.project('p1', { status: 'queued' });
    const expSeconds = Math.floor(Date.now() / 1000) + 2;
    const stream = await follow(stack, 'p1', { exp: expSeconds });
    await stream.ended;
    expect(Date.now()).toBeGreaterThanOrEqual(expSeconds * 1000);
    expect(stream.events).toHaveLength(1);
  });

  test('ends at once when the service stops', async () => {
    const stack = await startStack({ env: { ...ENV, SHUTDOWN_DELAY_SECONDS: '5' } });
    stack.emulator.project('p1', { status: 'queued' });
    const stream = await follow(stack, 'p1');
    await stream.event(0);
    const stopped = stack.service.stop();
    await stream.ended;
    // The service itself waits for its balancer meanwhile, and answers.
    const late = await follow(stack, 'p1');
    await late.ended;
    expect(stateOf(await late.event(0)).status).toBe('queued');
    expect(late.response.headers.connection).toBe('close');
    await stopped;
  });

  test('is one of as many as a user may have', async () => {
    const stack = await startStack({ env: { ...ENV, EVENTS_MAX_STREAMS_PER_USER: '2' } });
    stack.emulator.project('p1', { status: 'queued' });
    const streams = [await follow(stack, 'p1'), await follow(stack, 'p1')];
    expect(await stack.metric('event_streams_open')).toBe(2);
    const refused = await stack.client.request('/v1/image-projects/p1/events', {
      headers: { authorization: `Bearer ${await stack.issuer.token({ sub: 'alice' })}` },
    });
    expect(refused.status).toBe(429);
    expect(refused.json()).toMatchObject({ code: 'rate_limited' });
    expect(refused.headers.get('retry-after')).toBe('15');
    const other = await openEvents(`${stack.service.publicUrl}/v1/image-projects/p1/events`, {
      authorization: `Bearer ${await stack.issuer.token({ sub: 'bob' })}`,
    });
    expect(other.response.statusCode).toBe(200);
    streams[0]?.leave();
    await eventually(async () => (await stack.metric('event_streams_open')) === 2);
    expect((await follow(stack, 'p1')).response.statusCode).toBe(200);
  });

  test.each([
    ['missing-1', 404, 'not_found'],
    ['no!id', 400, 'invalid_project_id'],
  ])('of %s is none: %i %s', async (id, status, code) => {
    const stack = await startStack();
    const answer = await stack.client.request(`/v1/image-projects/${id}/events`, {
      headers: { authorization: `Bearer ${await stack.issuer.token({ sub: 'alice' })}` },
    });
    expect(answer.status).toBe(status);
    expect(answer.json()).toMatchObject({ code });
    expect(await stack.metric('event_streams_open')).toBe(0);
  });

  test('answers HEAD with the headers alone, and keeps no place', async () => {
    const stack = await startStack();
    stack.emulator.project('p1', { status: 'queued' });
    const answer = await stack.client.request('/v1/image-projects/p1/events', {
      method: 'HEAD',
      headers: { authorization: `Bearer ${await stack.issuer.token({ sub: 'alice' })}` },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    await eventually(async () => (await stack.metric('event_streams_open')) === 0);
  });

  test('ends when the project is gone', async () => {
    const stack = await startStack({ env: ENV });
    stack.emulator.project('p1', { status: 'queued' });
    const stream = await follow(stack, 'p1');
    await stream.event(0);
    stack.emulator.project('p1', { response: { status: 404, body: '{"message":"Not Found"}' } });
    await stream.ended;
    expect(stream.events).toHaveLength(1);
  });

  test('outlasts a trouble of the upstream', async () => {
    const stack = await startStack({ env: { ...ENV, UPSTREAM_RETRIES: '0' } });
    stack.emulator.project('p1', { status: 'queued' });
    const stream = await follow(stack, 'p1');
    await stream.event(0);
    const before = stack.emulator.requests.length;
    stack.emulator.project('p1', { response: { status: 500, body: '{}' } });
    await eventually(() => stack.emulator.requests.length > before + 1);
    stack.emulator.project('p1', { status: 'complete' });
    expect(stateOf(await stream.event(1)).status).toBe('complete');
    await stream.ended;
  });

  test('counts as answered however it ends, and its length is no latency', async () => {
    const stack = await startStack({ env: ENV });
    stack.emulator.project('p1', { status: 'queued' });
    const stream = await follow(stack, 'p1');
    await stream.event(0);
    stream.leave();
    const series = (part: string, rest: string) =>
      stack.metric(
        `http_request_duration_seconds_${part}{${rest}method="GET",route="/v1/image-projects/{id}/events",status="200"}`,
      );
    await eventually(async () => (await series('count', '')) === 1);
    const line = stack.logs().find((each) => each.includes('/events'));
    const { duration_ms, held_ms, status } = JSON.parse(line ?? '{}');
    expect(status).toBe(200);
    expect(1000 * (await series('sum', ''))).toBeCloseTo(duration_ms - held_ms, 1);
  });
});

test('however many follow a project, the upstream is asked once in each interval', async () => {
  const stack = await startStack({
    env: {
      CACHE_PENDING_TTL_MS: '300',
      WATCH_INTERVAL_MIN_MS: '300',
      EVENTS_MAX_STREAMS_PER_USER: '1000',
      RATE_LIMIT_MAX: '10000',
    },
  });
  stack.emulator.project('p1', { status: 'queued' });
  const streams = await Promise.all(Array.from({ length: 100 }, () => follow(stack, 'p1')));
  await Promise.all(streams.map((stream) => stream.event(0)));
  const begun = performance.now();
  const before = stack.emulator.requests.length;
  await eventually(() => stack.emulator.requests.length >= before + 3);
  expect(performance.now() - begun).toBeGreaterThan(600);
  stack.emulator.project('p1', { status: 'complete' });
  await Promise.all(streams.map((stream) => stream.ended));
  for (const stream of streams) expect(stream.events.map(stateOf).at(-1)?.status).toBe('complete');
});
