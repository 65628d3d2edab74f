import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually, openStack } from '../support/stack.ts';
import { attemptsIn, find, startRedis, startTraced, treeOf } from '../support/traced-stack.ts';

const ROUTE = '/v1/image-projects/{id}';

describe('the spans of a request', () => {
  test('show a miss with its authentication, Redis and the upstream, and a hit in memory and in Redis after it', async () => {
    const redis = await startRedis();
    const traced = await startTraced({ env: { REDIS_URL: redis.url, OTEL_SERVICE_NAME: 'bff-here' } });
    await eventually(async () => (await traced.metric('redis_up')) === 1);
    await traced.lookup('complete-1');
    await eventually(async () => (await redis.keys('*complete-1}')).length === 1);
    await traced.lookup('complete-1');
    const beside = await openStack({
      beside: traced,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: traced.collector.endpoint, REDIS_URL: redis.url },
    });
    onTestFinished(beside.stop);
    await eventually(async () => (await beside.metric('redis_up')) === 1);
    await beside.lookup('complete-1');
    await beside.stop();

    const traces = await traced.traces();
    const of = (result: string) =>
      traces.find(({ request }) => request.attributes['bff.cache.result'] === result);
    expect(traces).toHaveLength(3);
    const [miss, hit, redisHit] = [of('miss'), of('memory_hit'), of('redis_hit')];
    const server = `GET ${ROUTE}`;
    expect(treeOf(miss?.spans ?? [])).toEqual(
      [
        server,
        `${server} > authenticate`,
        `${server} > EVALSHA cache_read`,
        `${server} > ask the upstream`,
        `ask the upstream > GET ${ROUTE}`,
        `${server} > EVALSHA cache_write`,
      ].toSorted(),
    );
    expect(treeOf(hit?.spans ?? [])).toEqual([server]);
    expect(treeOf(redisHit?.spans ?? [])).toEqual(
      [server, `${server} > authenticate`, `${server} > EVALSHA cache_read`].toSorted(),
    );
    expect(miss?.request).toMatchObject({
      kind: 'server',
      parentSpanId: '',
      isError: false,
      attributes: {
        'http.request.method': 'GET',
        'http.route': ROUTE,
        'http.response.status_code': 200,
        'url.scheme': 'http',
        'bff.cache.result': 'miss',
      },
      resource: { 'service.name': 'bff-here', 'service.version': '0.0.0-test' },
    });
    expect(find(miss?.spans, 'EVALSHA cache_read')).toMatchObject([
      {
        kind: 'client',
        attributes: {
          'db.system.name': 'redis',
          'db.operation.name': 'EVALSHA',
          'db.stored_procedure.name': 'cache_read',
        },
      },
    ]);
    expect(attemptsIn(miss?.spans)).toMatchObject([
      {
        kind: 'client',
        attributes: {
          'http.request.method': 'GET',
          'http.response.status_code': 200,
          'server.address': '127.0.0.1',
          'server.port': traced.emulator.port,
        },
      },
    ]);
  });

  test('show each attempt at an upstream that fails, and what it came to', async () => {
    const { lookup, emulator, traces } = await startTraced();
    emulator.respondNext('complete-1', { status: 503, body: '{}' }, 3);
    expect((await lookup('complete-1')).status).toBe(502);
    const [trace] = await traces();
    const attempts = attemptsIn(trace?.spans);
    expect(attempts.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([
      undefined,
      1,
      2,
    ]);
    for (const attempt of attempts) {
      expect(attempt).toMatchObject({
        isError: true,
        attributes: { 'error.type': '503', 'http.response.status_code': 503 },
      });
    }
    const failed = { isError: true, attributes: { 'error.type': 'upstream_error' } };
    expect(find(trace?.spans, 'ask the upstream')).toMatchObject([failed]);
    expect(trace?.request).toMatchObject(failed);
    expect(trace?.request.attributes).toMatchObject({ 'http.response.status_code': 502 });
  });

  test('show an attempt that no answer came to', async () => {
    const { lookup, emulator, traces } = await startTraced({
      env: { UPSTREAM_TIMEOUT_MS: '100', UPSTREAM_RETRIES: '1' },
    });
    emulator.respondNext('complete-1', { hang: true });
    emulator.respondNext('complete-1', { reset: true });
    expect((await lookup('complete-1')).status).toBe(502);
    const [trace] = await traces();
    const attempts = attemptsIn(trace?.spans);
    expect(attempts.map(({ attributes }) => attributes['error.type'])).toEqual(['timeout', 'network']);
    for (const { attributes } of attempts) expect(attributes).not.toHaveProperty('http.response.status_code');
  });

  test('show a key that was refused, and the next one', async () => {
    const { lookup, emulator, traces } = await startTraced({
      env: { MAGIC_HOUR_API_KEY_NEXT: 'mhk_test_next' },
    });
    emulator.setApiKeys(['mhk_test_next']);
    expect((await lookup('complete-1')).status).toBe(200);
    const [trace] = await traces();
    const statuses = attemptsIn(trace?.spans).map(
      ({ attributes }) => attributes['http.response.status_code'],
    );
    expect(statuses).toEqual([401, 200]);
    expect(find(trace?.spans, 'ask the upstream')).toMatchObject([{ isError: false }]);
  });

  test('show the command that Redis did not answer, and none while it is away', async () => {
    const redis = await startRedis();
    const { lookup, metric, traces } = await startTraced({ env: { REDIS_URL: redis.url } });
    await eventually(async () => (await metric('redis_up')) === 1);
    redis.pause();
    onTestFinished(redis.resume);
    await lookup('complete-1');
    expect(await metric('redis_up')).toBe(0);
    await lookup('complete-2');
    redis.resume();
    const [cutOff, without] = await traces();
    expect(find(cutOff?.spans, 'EVALSHA cache_read')).toMatchObject([
      { isError: true, attributes: { 'error.type': 'timeout' } },
    ]);
    expect(without?.spans.filter(({ attributes }) => 'db.system.name' in attributes)).toEqual([]);
    expect(without?.request.attributes['http.response.status_code']).toBe(200);
  });

  test('show why a caller was not let in', async () => {
    const { client, traces } = await startTraced();
    await client.request('/v1/image-projects/complete-1', { headers: { authorization: 'Bearer a.b.c' } });
    await client.request('/v1/image-projects/complete-1');
    const [invalid, missing] = await traces();
    expect(treeOf(invalid?.spans ?? [])).toEqual([`GET ${ROUTE}`, `GET ${ROUTE} > authenticate`]);
    expect(find(invalid?.spans, 'authenticate')).toMatchObject([
      { kind: 'internal', isError: true, attributes: { 'error.type': 'token_invalid' } },
    ]);
    // The conventions leave the status of what is a caller's fault unset.
    for (const [trace, code] of [
      [invalid, 'token_invalid'],
      [missing, 'token_missing'],
    ] as const) {
      expect(trace?.request).toMatchObject({
        isError: false,
        attributes: { 'http.response.status_code': 401, 'error.type': code },
      });
    }
    expect(treeOf(missing?.spans ?? [])).toEqual([`GET ${ROUTE}`]);
  });

  test('name nothing of a path that is no route, or of a method that is none', async () => {
    const { client, traces } = await startTraced();
    await client.request('/private/path');
    await client.request('/private/path', { method: 'PROPFIND' });
    const [unmatched, odd] = await traces();
    expect(unmatched?.request.name).toBe('GET');
    expect(odd?.request.name).toBe('HTTP');
    expect(odd?.request.attributes['http.request.method']).toBe('_OTHER');
  });

  test('show who waited for another caller’s answer, in a trace of its own', async () => {
    const { lookup, emulator, metric, traces } = await startTraced();
    // So that his token is known, and he waits as soon as his request has begun.
    await lookup('complete-2', { user: 'bob' });
    emulator.holdAll();
    const first = lookup('complete-1');
    await emulator.whenRequested('complete-1');
    const second = lookup('complete-1', { user: 'bob' });
    await eventually(async () => (await metric('http_requests_in_flight')) === 2);
    emulator.release();
    await Promise.all([first, second]);
    const all = (await traces()).slice(1);
    const results = all.map(({ request }) => request.attributes['bff.cache.result']).toSorted();
    expect(results).toEqual(['collapsed', 'miss']);
    const asked = all.map(({ spans }) => find(spans, 'ask the upstream').length);
    expect(asked.reduce((sum, n) => sum + n)).toBe(1);
  });

  test('end where the caller left, and tell no status', async () => {
    const { lookup, emulator, traces, logs } = await startTraced();
    emulator.holdAll();
    const leaving = new AbortController();
    const asked = lookup('complete-1', { signal: leaving.signal }).catch(() => undefined);
    await emulator.whenRequested('complete-1');
    leaving.abort();
    await asked;
    await eventually(() => logs().some((line) => line.includes('"status":499')));
    emulator.release();
    const [trace] = await traces();
    expect(trace?.request.attributes).toMatchObject({ 'error.type': 'client_closed_request' });
    expect(trace?.request.attributes).not.toHaveProperty('http.response.status_code');
  });
});
