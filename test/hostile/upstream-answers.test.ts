import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answering, startAnswering } from '../support/answering.ts';
import { BROKEN, SLOW, UNUSABLE } from '../support/hostile-answers.ts';
import { PASSED_ON } from '../support/odd-answers.ts';
import { type RawUpstream, rawResponse, startRawUpstream } from '../support/raw-upstream.ts';
import { eventually } from '../support/stack.ts';
import { ANSWERED_ID, body, ok, pour, type Respond } from '../support/upstream-answers.ts';

let answering: Answering;
let elsewhere: RawUpstream;
let peakAtStart: number;
beforeAll(async () => {
  peakAtStart = peakBytes();
  [answering, elsewhere] = await Promise.all([startAnswering(), startRawUpstream()]);
});
afterAll(() => Promise.all([answering.stop(), elsewhere.close()]));

describe.each([
  { kind: 'unusable', rows: UNUSABLE, status: 502, code: 'upstream_bad_response' },
  { kind: 'broken', rows: BROKEN, status: 502, code: 'upstream_error' },
  { kind: 'slow', rows: SLOW, status: 504, code: 'upstream_timeout' },
])('an upstream whose answer is $kind', ({ rows, status, code }) => {
  test.each(rows)('%s: is told as such, and not kept', async (_what, hostile) => {
    answering.respondWith(
      typeof hostile === 'function' ? (socket) => hostile(socket, elsewhere.baseUrl) : hostile,
    );
    const response = await answering.stack.lookup(ANSWERED_ID);
    expect(response.status).toBe(status);
    expect(response.json()).toMatchObject({ code });
    expect(elsewhere.requestLines).toEqual([]);
    await answering.expectGoodNext();
  });
});

const ODD = PASSED_ON.map(([what, sent, frame = rawResponse]) => ({ what, sent, frame }));

/** Those that the API description knows; the client refuses all others. */
const NOT_FOR_CALLERS = ['age', 'access-control-allow-origin', 'www-authenticate', 'retry-after'];

describe('an upstream that sends a sound answer with', () => {
  test.each(ODD)('$what: the caller gets its bytes, and none of its headers', async ({ sent, frame }) => {
    answering.respondWith(frame(sent));
    const { status, headers, body: received } = await answering.stack.lookup(ANSWERED_ID);
    expect(status).toBe(200);
    expect(received.toString()).toBe(sent);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('cache-control')).toMatch(/^private, /);
    expect(headers.get('x-request-id')).not.toBe('theirs');
    expect(headers.get('etag')).not.toBe('"theirs"');
    for (const name of NOT_FOR_CALLERS) expect(headers.get(name)).toBeNull();
    await answering.forget();
  });
});

test('an upstream that names a status which nobody knows has its answer passed on, and not kept', async () => {
  const sent = body({ status: 'exploded' });
  answering.respondWith(rawResponse(sent));
  expect((await answering.stack.lookup(ANSWERED_ID)).body.toString()).toBe(sent);
  await answering.expectGoodNext();
});

describe('a second answer, that nobody asked for,', () => {
  const notFound = rawResponse('{"message":"Not Found"}', { status: '404 Not Found' });

  test.each<[string, Respond]>([
    ['at once', (socket) => socket.write(Buffer.concat([rawResponse(body()), notFound]))],
    [
      'while nothing is asked',
      (socket) => {
        socket.setNoDelay(true);
        socket.write(rawResponse(body()), () => setTimeout(() => socket.write(notFound), 50));
      },
    ],
  ])('that comes %s is nobody’s: its connection is given up', async (_when, respond) => {
    const { stack, upstream } = answering;
    answering.respondWith(respond);
    expect((await stack.lookup(ANSWERED_ID)).status).toBe(200);
    await eventually(() => upstream.connections() === 0);
    answering.respondWith(rawResponse(body({ id: 'next' })));
    expect((await stack.lookup('next')).status).toBe(200);
    await answering.forget();
    await answering.forget('next');
  });

  test('that comes while another is awaited costs that one, and none after it', async () => {
    const { stack, upstream } = answering;
    const askedBefore = new WeakMap<Socket, string>();
    let late = false;
    answering.respondWith((socket) => {
      const [, id = ''] = /-projects\/(\S+)/.exec(upstream.requestLines.at(-1) ?? '') ?? [];
      const answered = late ? (askedBefore.get(socket) ?? id) : id;
      askedBefore.set(socket, id);
      socket.write(rawResponse(body({ id: answered })));
    });
    const statuses: number[] = [];
    for (const id of ['a', 'b', 'c', 'd']) {
      statuses.push((await stack.lookup(id)).status);
      late = true;
    }
    expect(statuses).toEqual([200, 502, 200, 502]);
    for (const id of ['a', 'b', 'c', 'd']) await answering.forget(id);
  });
});

test('after all that memory is bounded and no connection to the upstream is left but a kept few', async () => {
  const { stack, upstream } = answering;
  await eventually(() => upstream.connections() <= 2);
  expect(await stack.metric('cache_memory_entries')).toBe(0);
  expect(await stack.metric('upstream_requests_in_flight')).toBe(0);
  answering.respondWith(pour(`${ok()}\r\n\r\n`, Buffer.alloc(65_536, ' ')));
  await Promise.all(Array.from({ length: 20 }, (_, n) => stack.lookup(`endless-${n}`)));
  expect(peakBytes() - peakAtStart).toBeLessThan(64 * 1024 * 1024);
});

/** The most memory that this process ever had. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
