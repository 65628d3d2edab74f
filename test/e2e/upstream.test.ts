import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EMULATOR_API_KEY } from '../support/magic-hour-emulator.ts';
import { eventually, startStack } from '../support/stack.ts';

const NEW_KEY = 'mhk_test_another_key';

describe('attempts', () => {
  test.each([408, 429, 500, 502, 503, 504])('are made again after %i', async (status) => {
    const { lookup, emulator, metric } = await startStack();
    emulator.respondNext('complete-1', { status, body: '{}' }, 2);
    expect((await lookup('complete-1')).status).toBe(200);
    expect(emulator.count('complete-1')).toBe(3);
    expect(await metric('upstream_retries_total')).toBe(2);
  });

  test('are made again after a reset, a cut-off body and an attempt that hung', async () => {
    const { lookup, emulator } = await startStack({ env: { UPSTREAM_TIMEOUT_MS: '100' } });
    emulator.respondNext('complete-1', { reset: true });
    emulator.respondNext('complete-1', { body: '{"id":"complete-1"}', truncateAtBytes: 5 });
    expect((await lookup('complete-1')).status).toBe(200);
    emulator.respondNext('complete-2', { hang: true });
    expect((await lookup('complete-2')).status).toBe(200);
    expect(emulator.count('complete-2')).toBe(2);
  });

  test('wait as long as the upstream asks, or are given up where that is past the deadline', async () => {
    const { lookup, emulator } = await startStack({ env: { UPSTREAM_DEADLINE_MS: '5000' } });
    emulator.respondNext('complete-1', { status: 429, body: '{}', headers: { 'retry-after': '1' } });
    await lookup('complete-1');
    const [first, second] = emulator.requests.map(({ atMs }) => atMs);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(990);

    emulator.respondNext('complete-2', { status: 429, body: '{}', headers: { 'retry-after': '60' } });
    const refused = await lookup('complete-2');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('60');
    expect(emulator.count('complete-2')).toBe(1);
  });
});

describe('an upstream that is slow', () => {
  test('has only so many requests at a time, and so many waiting', async () => {
    const { lookup, emulator, metric } = await startStack({
      env: { UPSTREAM_MAX_CONCURRENCY: '2', UPSTREAM_MAX_QUEUE: '1' },
    });
    emulator.holdAll();
    const asked = ['complete-1', 'complete-2', 'complete-3'].map((id) => lookup(id));
    await emulator.whenRequested('*', 2);
    await eventually(async () => (await metric('upstream_requests_queued')) === 1);
    expect(await metric('upstream_requests_in_flight')).toBe(2);
    expect((await lookup('complete-4')).json()).toMatchObject({ code: 'upstream_unavailable' });
    emulator.release();
    for (const response of await Promise.all(asked)) expect(response.status).toBe(200);
  });
});

describe("the company's key", () => {
  test('that comes next heals a refusal, and is tried first from then on', async () => {
    const { lookup, emulator, metric } = await startStack({ env: { MAGIC_HOUR_API_KEY_NEXT: NEW_KEY } });
    expect((await lookup('complete-1')).status).toBe(200);
    emulator.setApiKeys([NEW_KEY]);
    expect((await lookup('complete-2')).status).toBe(200);
    expect((await lookup('complete-3')).status).toBe(200);
    expect(emulator.count('complete-2')).toBe(2);
    expect(emulator.count('complete-3')).toBe(1);
    expect(await metric('upstream_key_rejections_total')).toBe(1);
  });

  test('is read again when its file changes, without a failed lookup', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'key-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'key');
    await writeFile(file, `${EMULATOR_API_KEY}\n`);
    const { lookup, emulator } = await startStack({
      env: { MAGIC_HOUR_API_KEY: '', MAGIC_HOUR_API_KEY_FILE: file },
    });
    expect((await lookup('complete-1')).status).toBe(200);
    await writeFile(`${file}.new`, NEW_KEY);
    await rename(`${file}.new`, file);
    emulator.setApiKeys([NEW_KEY]);
    expect((await lookup('complete-2')).status).toBe(200);
  });
});
