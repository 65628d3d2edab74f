import { once } from 'node:events';
import { Agent, get, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { type Listener, listen } from '../../src/http/listen.ts';
import { createLifecycle } from '../../src/shutdown.ts';
import { closeNow } from '../support/http-server.ts';

const cleanUps: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function start(
  handler: RequestListener,
): Promise<{ listener: Listener; server: Server; port: number }> {
  const listener = await listen(handler, '127.0.0.1', 0);
  cleanUps.push(() => closeNow(listener.server));
  return { listener, server: listener.server, port: Number(new URL(listener.url).port) };
}

/** A keep-alive agent that holds one connection, as a load balancer does. */
function keepAliveAgent(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  cleanUps.push(() => agent.destroy());
  return agent;
}

async function ask(port: number, agent: Agent): Promise<string> {
  const [response]: IncomingMessage[] = await once(get({ host: '127.0.0.1', port, agent }), 'response');
  return response === undefined ? '' : text(response);
}

/** A server whose answers the test gives; `arrived` settles when a request is there. */
async function startHeld() {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const started = await start(async (_req, res) => {
    arrived.resolve();
    await release.promise;
    res.end('whole');
  });
  return { ...started, arrived: arrived.promise, release: release.resolve };
}

const AMPLE = { delayMs: 0, graceMs: 15_000 };

describe('the lifecycle', () => {
  test('is ready between start and stop, and lets connections go from then on', async () => {
    const lifecycle = createLifecycle();
    expect([lifecycle.ready, lifecycle.lastResponses, lifecycle.closed]).toEqual([false, false, false]);
    lifecycle.started();
    expect([lifecycle.ready, lifecycle.lastResponses, lifecycle.closed]).toEqual([true, false, false]);
    const stopped = lifecycle.stop([], AMPLE);
    expect([lifecycle.ready, lifecycle.lastResponses, lifecycle.closed]).toEqual([false, true, false]);
    expect(await stopped).toBe(true);
    expect([lifecycle.ready, lifecycle.lastResponses, lifecycle.closed]).toEqual([false, true, true]);
  });

  test('still takes requests while it is unready and waits for load balancers to notice', async () => {
    const { listener, port } = await start((_req, res) => res.end('here'));
    const lifecycle = createLifecycle();
    lifecycle.started();
    const stopped = lifecycle.stop([listener], { delayMs: 1000, graceMs: 15_000 });
    expect(lifecycle.ready).toBe(false);
    expect(await ask(port, new Agent())).toBe('here');
    expect(await stopped).toBe(true);
    await expect(ask(port, new Agent())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('closes connections that are idle, and waits for none of them', async () => {
    const { listener, port } = await start((_req, res) => res.end('here'));
    await Promise.all([ask(port, keepAliveAgent()), ask(port, keepAliveAgent())]);
    expect(await createLifecycle().stop([listener], AMPLE)).toBe(true);
  });

  test('answers a request that comes on a kept connection just after it began to stop', async () => {
    const { listener, server, port } = await start((_req, res) => res.end('here'));
    const agent = keepAliveAgent();
    await ask(port, agent);
    const closed = once(server, 'close');
    const stopped = createLifecycle().stop([listener], AMPLE);
    expect(await ask(port, agent)).toBe('here');
    expect(await stopped).toBe(true);
    await closed;
  });

  test('lets requests in flight finish, and takes no new connections meanwhile', async () => {
    const { listener, server, port, arrived, release } = await startHeld();
    const answered = ask(port, keepAliveAgent());
    await arrived;
    const lifecycle = createLifecycle();
    const stopped = lifecycle.stop([listener], AMPLE);
    await expect.poll(() => server.listening, { timeout: 10_000 }).toBe(false);
    await expect(ask(port, new Agent())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    release();
    expect(await answered).toBe('whole');
    expect(await stopped).toBe(true);
  });

  test('cuts off what is not finished when the grace is over', async () => {
    const { listener, port, arrived } = await startHeld();
    const answered = ask(port, keepAliveAgent());
    const refused = expect(answered).rejects.toMatchObject({ code: 'ECONNRESET' });
    await arrived;
    expect(await createLifecycle().stop([listener], { delayMs: 0, graceMs: 500 })).toBe(false);
    await refused;
  });

  test('tells those who wait that it is too late before the grace is over', async () => {
    const { listener, port, arrived, release } = await startHeld();
    cleanUps.push(release);
    const answered = ask(port, keepAliveAgent());
    const cutOff = expect(answered).rejects.toMatchObject({ code: 'ECONNRESET' });
    await arrived;
    const lifecycle = createLifecycle();
    const forever = lifecycle.answerInTime(new Promise(() => undefined));
    const late = expect(forever).rejects.toMatchObject({ code: 'draining', status: 503 });
    const stopped = lifecycle.stop([listener], { delayMs: 0, graceMs: 1000 });
    await Promise.race([late, stopped.then(() => expect.unreachable('nobody was told'))]);
    await cutOff;
    expect(await stopped).toBe(false);
  });

  test('hands on what is done in time', async () => {
    const lifecycle = createLifecycle();
    expect(await lifecycle.answerInTime(Promise.resolve('done'))).toBe('done');
    await expect(lifecycle.answerInTime(Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  });

  test('stops several servers together', async () => {
    const [one, two] = [await start((_req, res) => res.end()), await startHeld()];
    const answered = ask(two.port, keepAliveAgent());
    await two.arrived;
    const stopped = createLifecycle().stop([one.listener, two.listener], AMPLE);
    await once(one.server, 'close');
    two.release();
    expect([await answered, await stopped]).toEqual(['whole', true]);
  });

  test('waits for no connection on which nothing was ever asked', async () => {
    const { listener, server, port } = await start((_req, res) => res.end('here'));
    const silent = connect(port, '127.0.0.1');
    cleanUps.push(() => silent.destroy());
    await once(server, 'connection');
    expect(await createLifecycle().stop([listener], { delayMs: 0, graceMs: 5000 })).toBe(true);
  });
});
