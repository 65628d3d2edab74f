import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openEventStream } from '../../src/http/event-stream.ts';
import { closeNow, listen } from '../support/http-server.ts';
import { eventually, startStack } from '../support/stack.ts';

afterEach(() => void vi.useRealTimers());

/** A response whose reader takes nothing until it is read. */
async function connectedPair(): Promise<{ res: ServerResponse; response: IncomingMessage }> {
  const server = createServer();
  onTestFinished(() => closeNow(server));
  const port = await listen(server, 0, '127.0.0.1');
  const request = get({ port, host: '127.0.0.1', agent: false });
  const [, res]: [IncomingMessage, ServerResponse] = await once(server, 'request').then(([a, b]) => [a, b]);
  res.writeHead(200, ['Content-Type', 'text/event-stream']);
  res.flushHeaders();
  const [response]: [IncomingMessage] = await once(request, 'response').then(([first]) => [first]);
  return { res, response };
}

describe('a stream of events', () => {
  const FRAME_BYTES = 500_000;
  const frame = (n: number) => `${n}`.padEnd(FRAME_BYTES, '.');

  test('keeps one frame for a reader that takes nothing, and sends it the latest once it does', async () => {
    const { res, response } = await connectedPair();
    const stream = openEventStream(res);
    for (let n = 0; n < 200; n += 1) {
      stream.send(frame(n));
      // Some are with the system; of what it doesn't take, no more than one frame waits in the response.
      expect(res.writableLength).toBeLessThan(2 * FRAME_BYTES);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.end();
    const received = await text(response);
    expect(received.length).toBeLessThan(50 * FRAME_BYTES);
    expect(received.endsWith(frame(199))).toBe(true);
  });

  test('sends nothing behind its end, and ends behind what was sent', async () => {
    const { res, response } = await connectedPair();
    const stream = openEventStream(res);
    stream.send('first;');
    stream.send('last');
    stream.end();
    stream.send('too late');
    stream.end();
    expect(await text(response)).toBe('first;last');
  });

  test('has a heartbeat every 15 seconds, but for a reader that takes nothing', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { res, response } = await connectedPair();
    response.setEncoding('utf8');
    const stream = openEventStream(res);
    for (let n = 0; n < 2; n += 1) {
      const beat = once(response, 'data');
      vi.advanceTimersByTime(15_000);
      expect(await beat).toEqual([': heartbeat\n\n']);
    }
    response.pause();
    while (!res.writableNeedDrain) stream.send(frame(0));
    const { writableLength } = res;
    vi.advanceTimersByTime(60_000);
    expect(res.writableLength).toBe(writableLength);
    res.destroy();
    await once(res, 'close');
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('a reader of events that takes nothing is cut off in the end', async () => {
  const stack = await startStack({
    env: { CACHE_PENDING_TTL_MS: '20', WATCH_INTERVAL_MIN_MS: '20', WATCH_INTERVAL_MAX_MS: '20' },
  });
  const change = (n: number) =>
    stack.emulator.project('p1', { status: 'rendering', fields: { name: `${n}`.padEnd(500_000, '.') } });
  change(0);
  const headers = { authorization: `Bearer ${await stack.issuer.token({ sub: 'alice' })}` };
  const request = get(`${stack.service.publicUrl}/v1/image-projects/p1/events`, { headers, agent: false });
  request.on('error', () => undefined);
  onTestFinished(() => void request.destroy());
  await once(request, 'response');
  for (let n = 1; n < 40; n += 1) {
    change(n);
    await stack.emulator.whenRequested('p1', stack.emulator.count('p1') + 1);
  }
  await eventually(async () => (await stack.metric('event_streams_open')) === 0, 60_000);
}, 120_000);
