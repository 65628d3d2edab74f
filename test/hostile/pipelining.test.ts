import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { listen } from '../../src/http/listen.ts';
import { closeNow } from '../support/http-server.ts';
import { exchange } from '../support/raw-http.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

const MAX_UNANSWERED = 128;
/** Some three of them are more than the system takes for a client that doesn't read. */
const LARGE = Buffer.alloc(1024 * 1024, 'x');
const ONE_REQUEST = 'GET / HTTP/1.1\r\nHost: bff.example\r\n\r\n';

async function createLookups({ issuer }: Stack): Promise<(id: string, line?: string) => string> {
  const token = await issuer.token();
  return (id, line = 'X: y') =>
    `GET /v1/image-projects/${id} HTTP/1.1\r\nHost: bff.example\r\nAuthorization: Bearer ${token}\r\n${line}\r\n\r\n`;
}

const idsOf = (answers: ReadonlyArray<{ readonly body: Buffer }>) =>
  answers.map(({ body }) => /"id":"([^"]+)"/.exec(body.toString())?.[1]);

describe('requests sent in a row without waiting', () => {
  test('are answered each, in their order, whichever is ready first', async () => {
    const stack = await startStack();
    const lookup = await createLookups(stack);
    const ids = ['slow-150-a', 'complete-b', 'slow-50-c', 'complete-d', 'slow-100-e', 'complete-b'];
    const bytes = ids.map((id, n) => lookup(id, n === ids.length - 1 ? 'Connection: close' : undefined));
    const { answers, rest, ended } = await exchange(stack.service.publicUrl, bytes.join(''));
    expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 200));
    expect(idsOf(answers)).toEqual(ids);
    expect([rest.length, ended]).toEqual([0, true]);
  });

  test.each([
    ['bytes that are no request', 'BAD\r\n\r\n', [200]],
    ['a request that is refused', 'GET / HTTP/1.1\r\n\r\n', [200, 400]],
    [
      'one that goes on with another protocol',
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n',
      [200, 404],
    ],
  ])('have their answers in front of %s, and nothing behind is looked at', async (_what, bytes, statuses) => {
    const stack = await startStack();
    const lookup = await createLookups(stack);
    const sent = lookup('slow-150-a') + bytes + lookup('complete-behind');
    const { answers, ended } = await exchange(stack.service.publicUrl, sent);
    expect(answers.map(({ status }) => status)).toEqual(statuses);
    expect(ended).toBe(true);
    // One more lookup, so that what had been asked before it would have arrived.
    await stack.lookup('complete-last');
    expect(stack.emulator.count('complete-behind')).toBe(0);
  });

  test('are taken up to a bound while none is answered; those are answered, and the connection ends', async () => {
    const stack = await startStack({
      env: { UPSTREAM_MAX_CONCURRENCY: '1000', UPSTREAM_MAX_QUEUE: '1000', UPSTREAM_DEADLINE_MS: '60000' },
    });
    const lookup = await createLookups(stack);
    stack.emulator.holdAll();
    const ids = Array.from({ length: 400 }, (_, n) => `complete-${n}`);
    const exchanged = exchange(stack.service.publicUrl, ids.map((id) => lookup(id)).join(''), {
      withinMs: 15_000,
    });
    await stack.emulator.whenRequested('*', MAX_UNANSWERED);
    stack.emulator.release();
    const { answers, ended } = await exchanged;
    expect(idsOf(answers)).toEqual(ids.slice(0, MAX_UNANSWERED));
    expect(ended).toBe(true);
    expect(stack.emulator.count()).toBe(MAX_UNANSWERED);
  });
});

describe('a client that takes no answers', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  async function start(handler: RequestListener) {
    const listener = await listen(handler, '127.0.0.1', 0);
    onTestFinished(() => closeNow(listener.server));
    const client = connect({
      port: Number(new URL(listener.url).port),
      host: '127.0.0.1',
      allowHalfOpen: true,
    });
    client.pause().on('error', () => undefined);
    onTestFinished(() => void client.destroy());
    const closed = Promise.withResolvers<void>();
    listener.server.on('connection', (socket) => socket.once('close', closed.resolve));
    await once(client, 'connect');
    return { client, closed: closed.promise };
  }

  test('has a bounded number of them made, and loses its connection in time', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    let handled = 0;
    const { client, closed } = await start((_req, res) => {
      handled += 1;
      res.writeHead(200, { 'content-length': LARGE.length }).end(LARGE);
    });
    client.write(ONE_REQUEST.repeat(250));
    await eventually(() => handled > 0);
    await vi.advanceTimersByTimeAsync(25_000);
    await closed;
    expect(handled).toBe(MAX_UNANSWERED);
  });

  test('is told from one whose answer takes long', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const answer = Promise.withResolvers<void>();
    const { client } = await start((_req, res) => {
      res.writeHead(200, { 'content-length': 2 });
      answer.promise.then(() => res.end('ok'));
    });
    client.write(ONE_REQUEST);
    await vi.advanceTimersByTimeAsync(120_000);
    answer.resolve();
    const [chunk] = await once(client.resume(), 'data');
    expect(String(chunk)).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  test('is let go soon after it was refused, if it does not go by itself', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const { client, closed } = await start((_req, res) => res.end());
    client.write('BAD\r\n\r\n');
    await once(client.resume(), 'data');
    // More of it is read, and not answered.
    client.write('BAD\r\n\r\n');
    await vi.advanceTimersByTimeAsync(6000);
    await closed;
  });
});
