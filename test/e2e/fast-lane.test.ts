import { beforeAll, describe, expect, test } from 'vitest';
import { createManualClock } from '../support/manual-clock.ts';
import { type ExactAnswer, sendExactly } from '../support/send-exactly.ts';
import { eventually, openStack, type Stack } from '../support/stack.ts';

/**
 * What the pipeline answers and what the fast lane answers is the same: each request is sent twice, once with a query, which
 * is ignored and keeps it out of the fast lane.
 */

const ALLOWED = 'https://app.example';
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

let stack: Stack;
let etag = '';
let authorization = '';

beforeAll(async () => {
  stack = await openStack({
    clock: createManualClock(Date.now()),
    env: { CORS_ORIGINS: ALLOWED, CACHE_PENDING_TTL_MS: '600000', RATE_LIMIT_MAX: '100000' },
  });
  authorization = `Bearer ${await stack.issuer.token({ sub: 'alice' })}`;
  for (const id of ['complete-1', 'rendering-1', 'error-1', 'not-there'])
    await sendExactly(stack.service.publicUrl, `/v1/image-projects/${id}`, ['Authorization', authorization]);
  etag = (await ask('complete-1', '')).headers.get('etag') ?? '';
  return stack.stop;
});

interface Row {
  readonly id?: string;
  readonly method?: string;
  /** Names and values in turn; `undefined` leaves the authorization out. */
  readonly headers?: () => readonly string[];
  readonly anonymous?: true;
}

const ROWS: Record<string, Row> = {
  'a finished project': {},
  'one that is still rendering': { id: 'rendering-1' },
  'one that failed': { id: 'error-1' },
  'one that is not there': { id: 'not-there' },
  HEAD: { method: 'HEAD' },
  POST: { method: 'POST' },
  'nobody’s request': { anonymous: true },
  'a bad token': { anonymous: true, headers: () => ['Authorization', `${authorization}x`] },
  'a token twice': { headers: () => ['Authorization', authorization] },
  'another scheme': { anonymous: true, headers: () => ['Authorization', authorization.toLowerCase()] },
  'the ETag': { headers: () => ['If-None-Match', etag] },
  'the ETag among others': { headers: () => ['If-None-Match', `"x", W/${etag}`] },
  'another ETag': { headers: () => ['If-None-Match', '"x"'] },
  'any ETag': { headers: () => ['If-None-Match', '*'] },
  'an id of its own': { headers: () => ['X-Request-Id', 'its-own.1'] },
  'an id that is none': { headers: () => ['X-Request-Id', 'a b'] },
  'the key for an id': { headers: () => ['X-Request-Id', stack.emulator.apiKey] },
  'a trace': { headers: () => ['traceparent', TRACEPARENT] },
  'a trace that is none': { headers: () => ['traceparent', TRACEPARENT.toUpperCase()] },
  'an origin that is allowed': { headers: () => ['Origin', ALLOWED] },
  'a foreign origin': { headers: () => ['Origin', 'https://evil.example'] },
  'an upgrade': { headers: () => ['Upgrade', 'websocket', 'Connection', 'upgrade'] },
  'two hosts': { headers: () => ['Host', 'other.example'] },
  'a body': { headers: () => ['Content-Length', '0'] },
  'many headers': { headers: () => Array.from({ length: 60 }, (_, n) => [`X-Any-${n}`, 'x']).flat() },
};

function ask(id: string, query: string, { method = 'GET', headers = () => [], anonymous }: Row = {}) {
  const own = anonymous ? [] : ['Authorization', authorization];
  return sendExactly(stack.service.publicUrl, `/v1/image-projects/${id}${query}`, [...own, ...headers()], {
    method,
  });
}

/** What a caller gets, less what differs between any two requests. */
function told({ status, headers, body }: ExactAnswer, sentId: string | undefined) {
  const ownId = headers.get('x-request-id');
  const rest = Object.fromEntries(headers);
  delete rest.date;
  if (ownId !== sentId) rest['x-request-id'] = 'made';
  rest.ratelimit = rest.ratelimit?.replace(/\d+/g, '…') ?? 'none';
  return { status, headers: rest, body: body.replaceAll(ownId ?? '-', 'its id') };
}

/** What the service wrote and counted for a request, less what differs between any two requests. */
async function noted(work: () => Promise<ExactAnswer>) {
  const [linesBefore, before] = [stack.logs().length, await counts()];
  const answer = await work();
  await eventually(() => stack.logs().length > linesBefore);
  const line = JSON.parse(stack.logs().at(-1) ?? '');
  for (const field of ['time', 'request_id', 'duration_ms', 'lookup_ms']) line[field] &&= typeof line[field];
  const after = await counts();
  const counted = Object.keys(after).filter((series) => after[series] !== before[series]);
  return { answer, line, counted, remaining: /r=(\d+)/.exec(answer.headers.get('ratelimit') ?? '')?.[1] };
}

/** The series of the public listener that count. */
async function counts(): Promise<Record<string, string>> {
  const text = (await stack.ops.request('/metrics')).body.toString();
  const series = text.matchAll(
    /^((?:lookups?_\w*total|http_request_duration_seconds_count|auth\w+_total|rate_\w+|responses_\w+)\S*) (\S+)$/gm,
  );
  return Object.fromEntries(
    Array.from(series, ([, name = '', value = '']) => [name, value] as const).filter(
      ([name]) => !name.includes('/metrics'),
    ),
  );
}

describe('the fast lane and the pipeline', () => {
  test.each(Object.keys(ROWS))('answer, log and count the same for %s', async (name) => {
    const row = ROWS[name] ?? {};
    const id = row.id ?? 'complete-1';
    const sentId = 'its-own.1';
    const slow = await noted(() => ask(id, '?x', row));
    const fast = await noted(() => ask(id, '', row));
    expect(told(fast.answer, sentId)).toEqual(told(slow.answer, sentId));
    expect(fast.line).toEqual(slow.line);
    expect(fast.counted).toEqual(slow.counted);
    if (slow.remaining !== undefined) expect(Number(fast.remaining)).toBe(Number(slow.remaining) - 1);
  });
});
