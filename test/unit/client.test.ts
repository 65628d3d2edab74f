import { afterEach, describe, expect, test, vi } from 'vitest';
import { WatchError, watchProject } from '../../client/index.ts';
import {
  type AskedRequest,
  type ScriptedService,
  startScriptedService,
  statusEvent,
} from '../support/scripted-service.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Backs off by nothing, so that no test waits. */
const noJitter = () => vi.spyOn(Math, 'random').mockReturnValue(0);
const project = (status: string) => ({ id: 'p1', status });

function watch(service: ScriptedService, options: Parameters<typeof watchProject>[1] = {}) {
  const heard: string[] = [];
  const result = watchProject('p1', {
    baseUrl: service.baseUrl,
    token: 'a-token',
    onStatus: ({ status }) => void heard.push(status),
    ...options,
  });
  result.catch(() => undefined);
  return { heard, result };
}

describe('a project that is watched', () => {
  test('is followed by a stream, with the user’s token, until it is over', async () => {
    const service = await startScriptedService();
    const { heard, result } = watch(service);
    const asked = await service.next();
    expect(asked.path).toBe('/v1/image-projects/p1/events');
    expect(asked.headers).toMatchObject({ authorization: 'Bearer a-token', accept: 'text/event-stream' });
    asked.stream(`retry: 5\n\n${statusEvent('queued')}: heartbeat\n\n${statusEvent('rendering')}`);
    asked.response.write(statusEvent('complete'));
    expect(await result).toEqual(project('complete'));
    expect(heard).toEqual(['queued', 'rendering', 'complete']);
    expect(service.asked).toBe(1);
  });

  test('may be a video, of an id that has to be encoded', async () => {
    const service = await startScriptedService();
    const { result } = watch(service, { kind: 'image' });
    (await service.next()).stream(statusEvent('complete'));
    await result;
    void watchProject('a/b', { kind: 'video', baseUrl: `${service.baseUrl}/` }).catch(() => undefined);
    const asked = await service.next();
    expect(asked.path).toBe('/v1/video-projects/a%2Fb/events');
    expect(asked.headers.authorization).toBeUndefined();
    asked.json(403, { message: 'no', code: 'insufficient_scope' });
  });

  test('goes on where its stream broke off, and tells no state twice', async () => {
    noJitter();
    const service = await startScriptedService();
    const { heard, result } = watch(service);
    const first = (await service.next()).stream(`retry: 1\n\n${statusEvent('queued')}`);
    await vi.waitFor(() => expect(heard).toEqual(['queued']));
    first.destroy();
    const again = await service.next();
    expect(again.headers['last-event-id']).toBe('queued');
    again.stream(`${statusEvent('queued')}${statusEvent('rendering')}`).end();
    const third = await service.next();
    expect(third.headers['last-event-id']).toBe('rendering');
    third.stream(statusEvent('complete'));
    await result;
    expect(heard).toEqual(['queued', 'rendering', 'complete']);
  });

  test('outlasts a service that is not there, and one that is over-asked', async () => {
    noJitter();
    const service = await startScriptedService();
    const { result } = watch(service);
    (await service.next()).response.destroy();
    (await service.next()).json(503, { code: 'draining' });
    const waitedMs = performance.now();
    (await service.next()).json(429, { code: 'rate_limited' }, { 'Retry-After': '1' });
    const next = await service.next();
    expect(performance.now() - waitedMs).toBeGreaterThan(900);
    next.stream(statusEvent('error'));
    expect(await result).toEqual(project('error'));
  });

  test.each([
    [404, 'application/json', '{"code":"not_found"}'],
    [405, 'text/html', 'no'],
    [406, 'text/html', 'no'],
    [501, 'text/html', 'no'],
    [200, 'text/html', '<p>a proxy’s own'],
  ])('is waited for by lookups where a stream is answered %i %s', async (status, type, body) => {
    noJitter();
    const service = await startScriptedService();
    const { heard, result } = watch(service);
    const first = await service.next();
    first.response.writeHead(status, { 'Content-Type': type }).end(body);
    const second = await service.next();
    expect(second.path).toBe('/v1/image-projects/p1');
    // The present state is told at once.
    expect(second.headers.prefer).toBeUndefined();
    expect(second.headers.authorization).toBe('Bearer a-token');
    second.json(200, project('queued'), { ETag: '"1"', 'Retry-After': '1' });
    const third = await service.next();
    expect(third.headers).toMatchObject({ prefer: 'wait=30', 'if-none-match': '"1"' });
    third.response.writeHead(304, { ETag: '"1"', 'Preference-Applied': 'wait=30' }).end();
    (await service.next()).json(200, project('complete'), { ETag: '"2"', 'Preference-Applied': 'wait=30' });
    await result;
    expect(heard).toEqual(['queued', 'complete']);
  });

  test('is waited for by lookups where a proxy holds the stream back', async () => {
    noJitter();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const service = await startScriptedService();
    const { result } = watch(service);
    await service.next();
    await vi.advanceTimersByTimeAsync(10_000);
    vi.useRealTimers();
    const second = await service.next();
    expect(second.path).toBe('/v1/image-projects/p1');
    second.json(200, project('canceled'), { 'Preference-Applied': 'wait=30' });
    expect(await result).toEqual(project('canceled'));
  });

  test('is taken up again where nothing comes any more', async () => {
    noJitter();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const service = await startScriptedService();
    const told = Promise.withResolvers<void>();
    const { result } = watch(service, { onStatus: () => told.resolve() });
    (await service.next()).stream(statusEvent('queued'));
    await told.promise;
    await vi.advanceTimersByTimeAsync(40_000);
    await vi.advanceTimersByTimeAsync(1);
    vi.useRealTimers();
    const again = await service.next();
    expect(again.headers['last-event-id']).toBe('queued');
    again.stream(statusEvent('complete'));
    await result;
  });

  test.each([
    ['streams', (asked: AskedRequest) => void asked.stream(': nothing more\n\n').end()],
    [
      'waits',
      (asked: AskedRequest) => asked.json(200, project('queued'), { 'Retry-After': 'Fri, 27 Nov 2026' }),
    ],
  ])('is asked for no more than once a second where its %s end at once', async (what, end) => {
    noJitter();
    const service = await startScriptedService();
    const { result } = watch(service);
    if (what === 'waits') {
      (await service.next()).json(406, {});
      (await service.next()).json(200, project('queued'));
    }
    const first = await service.next();
    const timers = vi.spyOn(globalThis, 'setTimeout');
    end(first);
    const second = await service.next();
    expect(timers.mock.calls.map(([, ms]) => ms)).toContain(1000);
    second.json(403, {});
    await expect(result).rejects.toMatchObject({ status: 403 });
  });

  test('is over where the service says that its last state was seen', async () => {
    noJitter();
    const service = await startScriptedService();
    const { result } = watch(service);
    (await service.next()).response.writeHead(204).end();
    // It was not seen by this one.
    (await service.next()).json(200, project('complete'), { 'Preference-Applied': 'wait=30' });
    expect(await result).toEqual(project('complete'));
  });
});

describe('a watch ends', () => {
  test.each([
    [400, 'invalid_project_id'],
    [402, 'payment_required'],
    [403, 'insufficient_scope'],
  ])('with what the service says for good: %i %s', async (status, code) => {
    const service = await startScriptedService();
    const { result } = watch(service);
    (await service.next()).json(status, { message: 'In words', code, request_id: 'r1' });
    const error = await result.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WatchError);
    expect(error).toMatchObject({ status, code, message: 'In words', requestId: 'r1' });
  });

  test('where there is no such project', async () => {
    const service = await startScriptedService();
    const { result } = watch(service);
    (await service.next()).json(404, { code: 'not_found' });
    (await service.next()).json(404, { code: 'not_found' });
    await expect(result).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });

  test('with what its token throws', async () => {
    const service = await startScriptedService();
    const { result } = watch(service, { token: () => Promise.reject(new Error('signed out')) });
    await expect(result).rejects.toThrow('signed out');
  });

  test('not with a token that the network kept from it', async () => {
    noJitter();
    const service = await startScriptedService();
    const tokens = [Promise.reject(new TypeError('fetch failed')), Promise.resolve('a-token')];
    const { result } = watch(service, { token: () => tokens.shift() ?? 'a-token' });
    (await service.next()).stream(statusEvent('complete'));
    expect(await result).toEqual(project('complete'));
  });

  test('while it waits for a token', async () => {
    const service = await startScriptedService();
    const leave = new AbortController();
    const { result } = watch(service, { signal: leave.signal, token: () => new Promise(() => undefined) });
    leave.abort(new Error('signed out'));
    await expect(result).rejects.toThrow('signed out');
    expect(service.asked).toBe(0);
  });

  test('with no 401 that a good answer came between', async () => {
    noJitter();
    const service = await startScriptedService();
    const { result } = watch(service);
    (await service.next()).stream(`retry: 1\n\n${statusEvent('queued')}`).end();
    (await service.next()).json(401, {});
    (await service.next()).stream('retry: 1\n\n').end();
    (await service.next()).json(401, {});
    (await service.next()).stream(statusEvent('complete'));
    expect(await result).toEqual(project('complete'));
  });

  test('where a token that was got anew is refused as well', async () => {
    noJitter();
    const service = await startScriptedService();
    const tokens = ['token-1', 'token-2', 'token-3', 'token-4'];
    const { result } = watch(service, { token: async () => tokens.shift() ?? '' });
    (await service.next()).json(401, { code: 'token_expired' });
    const second = await service.next();
    expect(second.headers.authorization).toBe('Bearer token-2');
    second.stream(`retry: 1\n\n${statusEvent('queued')}`).end();
    (await service.next()).json(401, { code: 'token_expired' });
    (await service.next()).json(401, { code: 'token_invalid' });
    await expect(result).rejects.toMatchObject({ status: 401, code: 'token_invalid' });
  });

  test('with what its signal says, and hangs up', async () => {
    const service = await startScriptedService();
    const leave = new AbortController();
    const { heard, result } = watch(service, { signal: leave.signal });
    const asked = await service.next();
    const gone = new Promise((resolve) => asked.response.once('close', resolve));
    asked.stream(statusEvent('queued'));
    await vi.waitFor(() => expect(heard).toEqual(['queued']));
    leave.abort(new Error('seen enough'));
    await expect(result).rejects.toThrow('seen enough');
    await gone;
  });

  test('with what its signal said before, and asks nobody', async () => {
    const service = await startScriptedService();
    const { result } = watch(service, { signal: AbortSignal.abort(new Error('never mind')) });
    await expect(result).rejects.toThrow('never mind');
    expect(service.asked).toBe(0);
  });

  test('while it backs off', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const service = await startScriptedService();
    const leave = new AbortController();
    const { result } = watch(service, { signal: leave.signal });
    (await service.next()).json(503, {}, { 'Retry-After': '3600' });
    setTimeout(() => leave.abort(new Error('too long')), 50);
    await expect(result).rejects.toThrow('too long');
  });

  test('with what its listener throws', async () => {
    const service = await startScriptedService();
    const { result } = watch(service, {
      onStatus() {
        throw new Error('of the page');
      },
    });
    (await service.next()).stream(statusEvent('queued'));
    await expect(result).rejects.toThrow('of the page');
  });
});
