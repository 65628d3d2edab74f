import magicHour from 'magic-hour';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type MagicHourEmulator, startMagicHourEmulator } from './magic-hour-emulator.ts';
import { createManualClock } from './manual-clock.ts';
import { streamOf } from './scripted-response.ts';

const downloadSchema = z.object({ url: z.string(), expires_at: z.string() });
const clock = createManualClock();
let emulator: MagicHourEmulator;

beforeAll(async () => {
  emulator = await startMagicHourEmulator({ now: clock.now });
});
beforeEach(() => emulator.clear());
afterAll(() => emulator.close());

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${emulator.baseUrl}${path}`, {
    headers: { authorization: `Bearer ${emulator.apiKey}` },
    ...init,
  });
}

function lookup(id: string, init?: RequestInit): Promise<Response> {
  return ask(`/v1/image-projects/${id}`, init);
}

describe('projects', () => {
  test('run from queued to complete, with the same bytes for the same state', async () => {
    expect(await (await lookup('demo-1_a')).json()).toMatchObject({
      status: 'queued',
      downloads: [],
      error: null,
    });
    clock.advance(1000);
    expect(await (await lookup('demo-1_a')).json()).toMatchObject({ status: 'rendering', downloads: [] });
    clock.advance(2000);
    const complete = await (await lookup('demo-1_a')).text();
    clock.advance(60_000);
    expect(await (await lookup('demo-1_a')).text()).toBe(complete);
    const [download] = z.object({ downloads: z.array(downloadSchema) }).parse(JSON.parse(complete)).downloads;
    expect(download?.url).toMatch(
      /^https:\/\/videos\.magichour\.ai\/demo-1_a\/output\.png\?.*X-Goog-Date=20300101T000003Z&X-Goog-Expires=86400&X-Goog-Signature=\w{64}$/,
    );
    expect(download?.expires_at).toBe('2030-01-02T00:00:03.000Z');
  });

  test('sign anew at half of the lifetime, or always', async () => {
    emulator.project('often', { status: 'complete', resign: true });
    const bodies = [await (await lookup('complete-1')).text(), await (await lookup('often')).text()];
    clock.advance(1000);
    expect(await (await lookup('complete-1')).text()).toBe(bodies[0]);
    expect(await (await lookup('often')).text()).not.toBe(bodies[1]);
    clock.advance(43_200_000);
    expect(await (await lookup('complete-1')).text()).not.toBe(bodies[0]);
  });

  test('are what their description says', async () => {
    emulator.project('p', { status: 'queued' });
    emulator.project('p', {
      kind: 'image',
      status: 'complete',
      downloads: [{ lifetimeSeconds: 60 }, { expiresAt: 'soon' }, { expiresAt: undefined, signed: false }],
      fields: { enabled: false, name: undefined, novel: 1 },
    });
    const body = await (await lookup('p')).json();
    expect(body).toMatchObject({ status: 'complete', enabled: false, novel: 1, image_count: 3 });
    expect(body).not.toHaveProperty('name');
    expect(body).toHaveProperty('downloads.1.expires_at', 'soon');
    expect(body).toHaveProperty('downloads.2', { url: 'https://videos.magichour.ai/p/output.png' });
    expect((await ask('/v1/video-projects/p')).status).toBe(404);
  });

  test.each([
    [
      'failed-1',
      200,
      { status: 'error', downloads: [], credits_charged: 0, error: { code: 'no_source_face' } },
    ],
    ['canceled-1', 200, { status: 'canceled', downloads: [] }],
    ['missing-1', 404, { message: 'Not Found' }],
    ['anything', 404, { message: 'Not Found' }],
    ['status-429-x', 429, { message: 'Status 429' }],
    ['slow-5-x', 200, { status: 'complete' }],
  ])('%s answers by its id', async (id, status, body) => {
    const response = await lookup(id);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject(body);
  });

  test('flaky ones fail once', async () => {
    expect((await lookup('flaky-1')).status).toBe(503);
    expect((await lookup('flaky-1')).status).toBe(200);
  });

  test("satisfy the vendor's SDK, all three kinds", async () => {
    const { v1 } = new magicHour.default({ token: emulator.apiKey, baseUrl: emulator.baseUrl });
    expect(await v1.imageProjects.get({ id: 'complete' })).toMatchObject({
      status: 'complete',
      totalFrameCost: 5,
    });
    expect(await v1.videoProjects.get({ id: 'complete' })).toMatchObject({ status: 'complete', fps: 30 });
    expect(await v1.audioProjects.get({ id: 'failed' })).toMatchObject({ status: 'error' });
  });
});

describe('requests', () => {
  test('need the key, a known route and GET', async () => {
    const wrong = await lookup('complete', { headers: { authorization: 'Bearer other' } });
    expect([wrong.status, await wrong.json()]).toEqual([401, { message: 'Unauthorized' }]);
    expect((await lookup('complete', { method: 'DELETE' })).status).toBe(404);
    expect((await ask('/v1/files/complete')).status).toBe(404);
    expect(emulator.count()).toBe(3);
    expect(emulator.count('complete')).toBe(2);
    emulator.setApiKeys(['next']);
    expect((await lookup('complete')).status).toBe(401);
    emulator.setApiKeys([emulator.apiKey]);
    expect(emulator.requests.at(-1)).toMatchObject({ method: 'GET', path: '/v1/image-projects/complete' });
  });

  test('can be held and are told of when they arrive', async () => {
    emulator.holdAll();
    const answers = [lookup('complete'), lookup('complete')];
    await emulator.whenRequested('complete', 2);
    expect(emulator.connections()).toBeGreaterThanOrEqual(2);
    emulator.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
  });

  test('that hang are ended by close', async () => {
    const other = await startMagicHourEmulator();
    const hanging = fetch(`${other.baseUrl}/v1/image-projects/hang`, {
      headers: { authorization: `Bearer ${other.apiKey}` },
    });
    const failed = expect(hanging).rejects.toThrow();
    await other.whenRequested('hang');
    await other.close();
    await failed;
    expect(other.connections()).toBe(0);
  });
});

describe('scripted answers', () => {
  test('carry any status, header and body, in turn', async () => {
    emulator.respondNext('x', { status: 302, headers: { Location: '/away', 'set-cookie': ['a=1', 'b=2'] } });
    emulator.respondNext('*', { body: '<html>', headers: { 'Content-Type': 'text/html' } }, 2);
    const first = await lookup('x', { redirect: 'manual' });
    expect([first.status, first.headers.get('location'), first.headers.getSetCookie()]).toEqual([
      302,
      '/away',
      ['a=1', 'b=2'],
    ]);
    const second = await lookup('x');
    expect([second.headers.get('content-type'), await second.text()]).toEqual(['text/html', '<html>']);
    expect(await (await lookup('complete')).text()).toBe('<html>');
    expect((await lookup('x')).status).toBe(404);
  });

  test('break where they are told to', async () => {
    emulator.respondNext('x', { reset: true });
    emulator.respondNext('x', { body: '{"id":"x"}', truncateAtBytes: 4 });
    emulator.respondNext('x', { body: '{"id":"x"}', truncateAtBytes: 4, reset: true });
    await expect(lookup('x')).rejects.toThrow();
    for (const _ of [1, 2]) await expect(lookup('x').then((response) => response.text())).rejects.toThrow();
  });

  test('come late, in drips and without end', async () => {
    emulator.respondNext('x', { delayMs: 5, body: '{"id":"x"}', drip: { chunkBytes: 3, everyMs: 1 } });
    emulator.respondNext('x', { body: () => streamOf(5_000_000) });
    expect(await (await lookup('x')).json()).toEqual({ id: 'x' });
    expect((await (await lookup('x')).arrayBuffer()).byteLength).toBe(5_000_000);
  });
});
