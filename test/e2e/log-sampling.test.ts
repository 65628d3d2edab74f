import { expect, test } from 'vitest';
import { parseLogLine } from '../support/log-conformance.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

const requestsOf = (stack: Stack) =>
  stack
    .logs()
    .map(parseLogLine)
    .filter(({ event }) => event === 'request');

/** What was logged, once as many requests were counted as were made. */
async function loggedOf(stack: Stack, made: number) {
  const counted = async () => {
    const text = (await stack.ops.request('/metrics')).body.toString();
    const counts = text.matchAll(/^http_request_duration_seconds_count\{.*route="\/v1.* (\d+)$/gm);
    return Array.from(counts, ([, n]) => Number(n)).reduce((sum, n) => sum + n, 0);
  };
  await eventually(async () => (await counted()) === made);
  return requestsOf(stack);
}

test('of successful hits in memory a share is logged and says so; everything else is logged always', async () => {
  const stack = await startStack({ env: { LOG_HIT_SAMPLE_RATIO: '0.25' } });
  const { headers } = await stack.lookup('complete-1');
  const etag = headers.get('etag') ?? '';
  // Hits by the fast lane and by the pipeline, and those that need no body.
  for (let n = 0; n < 10; n++) {
    expect((await stack.lookup('complete-1')).status).toBe(200);
    expect((await stack.lookup('complete-1?x')).status).toBe(200);
    expect((await stack.lookup('complete-1', { method: 'HEAD' })).status).toBe(200);
    expect((await stack.lookup('complete-1', { headers: { 'if-none-match': etag } })).status).toBe(304);
  }
  for (let n = 0; n < 5; n++) await stack.lookup(`complete-miss-${n}`);
  for (let n = 0; n < 5; n++) await stack.lookup('not an id');

  const requests = await loggedOf(stack, 51);
  const hits = requests.filter(({ cache }) => cache === 'memory_hit');
  expect(hits).toHaveLength(10);
  for (const hit of hits) expect(hit.sample_ratio).toBe(0.25);
  const others = requests.filter(({ cache }) => cache !== 'memory_hit');
  expect(others).toHaveLength(11);
  for (const other of others) expect(other).not.toHaveProperty('sample_ratio');
});

test('without the setting every hit is logged, and none speaks of a share', async () => {
  const stack = await startStack();
  for (let n = 0; n < 5; n++) await stack.lookup('complete-1');
  const requests = await loggedOf(stack, 5);
  expect(requests).toHaveLength(5);
  for (const request of requests) expect(request).not.toHaveProperty('sample_ratio');
});

test('with a share of 0 no hit is logged', async () => {
  const stack = await startStack({ env: { LOG_HIT_SAMPLE_RATIO: '0' } });
  for (let n = 0; n < 5; n++) await stack.lookup('complete-1');
  expect(await loggedOf(stack, 5)).toEqual([expect.objectContaining({ cache: 'miss' })]);
});
