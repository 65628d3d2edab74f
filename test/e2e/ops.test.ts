import { describe, expect, test } from 'vitest';
import { startStack } from '../support/stack.ts';

const SECRETS = ['mhk_test_recognisable_emulator_key', 'X-Goog-Signature', 'eyJ', 'authorization'];

describe('the ops listener', () => {
  test('is alive and ready, with a line for each check', async () => {
    const { ops, lookup } = await startStack();
    await lookup('complete-1');
    expect((await ops.request('/livez')).json()).toEqual({ status: 'alive' });
    const ready = await ops.request('/readyz');
    expect(ready.status).toBe(200);
    const lines = ready.body.toString().split('\n');
    for (const name of ['lifecycle', 'issuer_keys', 'redis', 'upstream']) {
      expect(lines.filter((line) => line.includes(`"name":"${name}"`))).toHaveLength(1);
    }
  });

  test('counts lookups, statuses, attempts and drift, by bounded labels', async () => {
    const { lookup, emulator, metric, ops } = await startStack();
    emulator.project('odd', { status: 'paused', fields: { surprise: 1, name: 7 } });
    await lookup('complete-1');
    await lookup('complete-1', { headers: { traceparent: 'x' } });
    // A name of another type is drift, so docs/openapi.yaml can't bless it: the answer is looked at by the metrics.
    await lookup('odd').catch(() => undefined);
    await lookup('missing');
    expect(await metric('lookups_total{kind="image",result="miss"}')).toBe(3);
    expect(await metric('lookups_total{kind="image",result="memory_hit"}')).toBe(1);
    expect(await metric('lookup_status_total{kind="image",status="complete"}')).toBe(2);
    expect(await metric('lookup_status_total{kind="image",status="unknown"}')).toBe(1);
    expect(await metric('upstream_request_duration_seconds_count{kind="image",status="404"}')).toBe(1);
    for (const field of ['status', 'name', 'other']) {
      expect([field, await metric(`upstream_contract_drift_total{field="${field}"}`)]).toEqual([field, 1]);
    }
    const text = (await ops.request('/metrics')).body.toString();
    expect(text).not.toContain('complete-1');
    expect(text).not.toContain('alice');
    for (const secret of SECRETS) expect(text).not.toContain(secret);
  });

  test('speaks OpenMetrics to those who ask for it', async () => {
    const { ops } = await startStack();
    const [plain, open] = await Promise.all([
      ops.request('/metrics'),
      ops.request('/metrics', {
        headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' },
      }),
    ]);
    expect(plain.headers.get('content-type')).toContain('text/plain');
    expect(open.headers.get('content-type')).toContain('application/openmetrics-text');
    expect(open.body.toString().trimEnd()).toMatch(/# EOF$/);
  });

  test('purges any kind, refuses what is no id, and has nothing of the public listener', async () => {
    const { ops, lookup, emulator } = await startStack();
    await lookup('complete-1');
    expect((await ops.request('/cache/image-projects/complete-1', { method: 'DELETE' })).status).toBe(204);
    expect((await ops.request('/cache/video-projects/complete-1', { method: 'DELETE' })).status).toBe(204);
    await lookup('complete-1');
    expect(emulator.count('complete-1')).toBe(2);
    expect((await ops.request('/cache/image-projects/a%20b', { method: 'DELETE' })).status).toBe(400);
    expect((await ops.request('/cache/image-projects/a')).status).toBe(405);
    expect((await ops.request('/v1/image-projects/complete-1')).status).toBe(404);
  });
});

describe('the log', () => {
  test('has one line a request, with what on-call needs and nothing secret', async () => {
    const { lookup, logs } = await startStack();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await lookup('complete-1', { headers: { traceparent, 'x-request-id': 'r-1' } });
    await lookup('status-500-1?secret_in_query=1');
    const lines = logs().map((line): Record<string, unknown> => JSON.parse(line));
    const requests = lines.filter(({ msg }) => msg === 'request');
    expect(requests).toHaveLength(2);
    expect(requests[0]).toMatchObject({
      level: 'info',
      event: 'request',
      request_id: 'r-1',
      method: 'GET',
      route: '/v1/image-projects/{id}',
      status: 200,
      cache: 'miss',
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      user: expect.stringMatching(/^[A-Za-z0-9_-]{16}$/),
      duration_ms: expect.any(Number),
      lookup_ms: expect.any(Number),
    });
    expect(requests[1]).toMatchObject({
      level: 'warn',
      status: 502,
      code: 'upstream_error',
      reason: 'server_error: status 500',
    });
    for (const secret of [...SECRETS, 'alice', 'secret_in_query', 'complete-1'])
      expect(logs().join('')).not.toContain(secret);
  });

  test('and the trace goes on to the upstream, where it is a sound one', async () => {
    const { lookup, emulator } = await startStack();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await lookup('complete-1', {
      headers: { traceparent, cookie: 'a=b', 'x-forwarded-for': '198.51.100.7' },
    });
    await lookup('complete-2', {
      headers: { traceparent: '00-00000000000000000000000000000000-00f067aa0ba902b7-01' },
    });
    const [first, second] = emulator.requests.map(({ headers }) => headers);
    expect(first?.traceparent).toBe(traceparent);
    expect(second?.traceparent).toBeUndefined();
    expect(Object.keys(first ?? {}).sort()).toEqual([
      'accept',
      'accept-encoding',
      'authorization',
      'connection',
      'host',
      'traceparent',
      'user-agent',
    ]);
  });
});
