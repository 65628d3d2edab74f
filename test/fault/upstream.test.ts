import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { EMULATOR_API_KEY, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { rawResponse, startRawUpstream } from '../support/raw-upstream.ts';
import type { ScriptedResponse } from '../support/scripted-response.ts';
import { eventually, openStack, type Stack, startStack } from '../support/stack.ts';

const NEW_KEY = 'mhk_test_another_key';
/** Three attempts that hang, the pauses between them, and some time to spare: what ends them is their number. */
const DEADLINE_MS = 5000;
const RETRIES = 2;
const env = {
  UPSTREAM_RETRIES: String(RETRIES),
  UPSTREAM_TIMEOUT_MS: '800',
  UPSTREAM_DEADLINE_MS: String(DEADLINE_MS),
};

/** Looks up with a clock beside it: nobody waits longer than the deadline and what this machine needs to notice. */
async function timed(stack: Stack, id: string) {
  const beganMs = performance.now();
  const response = await stack.lookup(id);
  expect(performance.now() - beganMs).toBeLessThan(DEADLINE_MS + 1000);
  return response;
}

/** A stack with one finished project in its cache. */
async function startWithCached(settings: Readonly<Record<string, string>> = {}): Promise<Stack> {
  const stack = await startStack({ env: { ...env, ...settings } });
  expect((await stack.lookup('complete-kept')).status).toBe(200);
  return stack;
}

interface Fault {
  readonly what: string;
  readonly scripted: ScriptedResponse;
  readonly status: number;
  readonly code: string;
  /** Requests that one lookup makes. */
  readonly requests: number;
}

const ALWAYS = 1000;
const message = JSON.stringify({ message: 'x' });

const FAULTS: readonly Fault[] = [
  { what: 'resets', scripted: { reset: true }, status: 502, code: 'upstream_error', requests: 3 },
  {
    what: 'resets inside a body',
    scripted: { body: message, truncateAtBytes: 3, reset: true },
    status: 502,
    code: 'upstream_error',
    requests: 3,
  },
  {
    what: 'stops inside a body',
    scripted: { body: message, truncateAtBytes: 3 },
    status: 502,
    code: 'upstream_error',
    requests: 3,
  },
  { what: 'hangs', scripted: { hang: true }, status: 504, code: 'upstream_timeout', requests: 3 },
  ...[500, 502, 503, 504].map((status) => ({
    what: `says ${status}`,
    scripted: { status, body: message },
    status: 502,
    code: 'upstream_error',
    requests: 3,
  })),
  {
    what: 'says 503 and when to come again, later than the deadline',
    scripted: { status: 503, body: message, headers: { 'retry-after': '60' } },
    status: 502,
    code: 'upstream_error',
    requests: 1,
  },
  ...['soon', '-1', '1e9', '99999999999999999999', ''].map((retryAfter) => ({
    what: `says 503 and Retry-After ${JSON.stringify(retryAfter)}`,
    scripted: { status: 503, body: message, headers: { 'retry-after': retryAfter } },
    status: 502,
    code: 'upstream_error',
    requests: 3,
  })),
  {
    what: 'says 429',
    scripted: { status: 429, body: message },
    status: 503,
    code: 'upstream_unavailable',
    requests: 3,
  },
  {
    what: 'says 429 until a day to come',
    scripted: { status: 429, body: message, headers: { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' } },
    status: 503,
    code: 'upstream_unavailable',
    requests: 1,
  },
  ...[
    { said: 400, status: 400, code: 'invalid_request' },
    { said: 401, status: 502, code: 'upstream_rejected_key' },
    { said: 402, status: 402, code: 'payment_required' },
    { said: 403, status: 502, code: 'upstream_rejected_key' },
    { said: 404, status: 404, code: 'not_found' },
    { said: 302, status: 502, code: 'upstream_bad_response' },
  ].map(({ said, status, code }) => ({
    what: `says ${said}`,
    scripted: { status: said, body: message },
    status,
    code,
    requests: 1,
  })),
  {
    what: 'sends another project',
    scripted: { body: JSON.stringify({ id: 'other', status: 'complete' }) },
    status: 502,
    code: 'upstream_bad_response',
    requests: 1,
  },
];

describe('an upstream that, of one project,', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await openStack({ env });
  });
  afterAll(() => stack.stop());
  let next = 0;

  test.each(FAULTS)(
    '$what: $status $code, by $requests requests, and what is cached is served',
    async ({ scripted, status, code, requests }) => {
      next += 1;
      const [kept, failing] = [`complete-kept-${next}`, `complete-failing-${next}`];
      // It is asked, too, so that the failures of all rows are not ones in a row.
      expect((await stack.lookup(kept)).status).toBe(200);
      const retriesBefore = await stack.metric('upstream_retries_total');
      stack.emulator.respondNext(failing, scripted, ALWAYS);
      const response = await timed(stack, failing);
      expect(response.status).toBe(status);
      expect(response.json()).toMatchObject({ code });
      expect(response.headers.get('www-authenticate')).toBeNull();
      expect(stack.emulator.count(failing)).toBe(requests);
      expect(stack.emulator.count(failing)).toBeLessThanOrEqual(1 + RETRIES);
      expect((await stack.metric('upstream_retries_total')) - retriesBefore).toBe(requests - 1);
      expect((await stack.lookup(kept)).headers.get('cache-status')).toContain('hit');
    },
  );
});

describe('an upstream that', () => {
  test('hangs past the deadline: 504 then, with the attempts that there was time for', async () => {
    const stack = await startStack({ env: { ...env, UPSTREAM_DEADLINE_MS: '1000' } });
    stack.emulator.respondNext('complete-1', { hang: true }, ALWAYS);
    expect((await timed(stack, 'complete-1')).json()).toMatchObject({ code: 'upstream_timeout' });
    expect(stack.emulator.count('complete-1')).toBeLessThanOrEqual(2);
    await eventually(() => stack.emulator.connections() === 0);
  });

  test('refuses connections: 502 within the deadline, and all is well when it is back', async () => {
    const port = await freePort();
    const stack = await startStack({ env: { ...env, MAGIC_HOUR_BASE_URL: `http://127.0.0.1:${port}` } });
    expect((await timed(stack, 'complete-1')).json()).toMatchObject({ code: 'upstream_error' });
    const back = await startMagicHourEmulator({ port });
    onTestFinished(back.close);
    expect((await timed(stack, 'complete-1')).status).toBe(200);
  });

  test('has no address any more: 502 within the deadline', async () => {
    const stack = await startStack({ env: { ...env, MAGIC_HOUR_BASE_URL: 'http://upstream.invalid' } });
    expect((await timed(stack, 'complete-1')).json()).toMatchObject({ code: 'upstream_error' });
  });

  test('closes kept connections just as they are used again: nobody notices', async () => {
    const upstream = await startRawUpstream();
    onTestFinished(upstream.close);
    const stack = await startStack({
      env: { ...env, MAGIC_HOUR_BASE_URL: upstream.baseUrl, CACHE_PENDING_TTL_MS: '0' },
    });
    upstream.respondWith((socket) => {
      socket.write(rawResponse(JSON.stringify({ id: 'p1', status: 'queued', downloads: [] })));
      // The next request on it finds it gone, maybe only once it is sent.
      socket.once('data', () => socket.resetAndDestroy());
    });
    for (let n = 0; n < 20; n += 1) expect((await stack.lookup('p1')).status).toBe(200);
  });

  test('fails one time in three: every lookup succeeds, and the circuit stays closed', async () => {
    const stack = await startWithCached();
    for (let n = 0; n < 60; n += 1) {
      if (n % 3 === 0) stack.emulator.respondNext(`complete-${n}`, { status: 500, body: message });
      expect((await stack.lookup(`complete-${n}`)).status).toBe(200);
    }
    expect(await stack.metric('upstream_retries_total')).toBe(20);
    expect(await stack.metric('upstream_circuit_open')).toBe(0);
  });
});

describe('the circuit', () => {
  test.each([
    ['hangs', { hang: true }],
    ['fails', { status: 500, body: message }],
    ['resets', { reset: true }],
  ] satisfies ReadonlyArray<readonly [string, ScriptedResponse]>)(
    'opens for an upstream that %s, answers at once then, and closes when it is well again',
    async (_how, scripted) => {
      const stack = await startWithCached({ UPSTREAM_RETRIES: '0' });
      stack.emulator.respondNext('*', scripted, ALWAYS);
      const refusals = await Promise.all(Array.from({ length: 12 }, (_, n) => timed(stack, `complete-${n}`)));
      expect(refusals.every(({ status }) => status >= 500)).toBe(true);
      expect(await stack.metric('upstream_circuit_open')).toBe(1);

      const before = stack.emulator.count();
      const refused = await Promise.all(Array.from({ length: 20 }, (_, n) => stack.lookup(`complete-${n}`)));
      for (const response of refused) {
        expect(response.json()).toMatchObject({ code: 'upstream_unavailable' });
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect((await stack.lookup('complete-kept')).status).toBe(200);
      expect(stack.emulator.count()).toBe(before);

      stack.emulator.clear();
      await eventually(async () => (await stack.lookup('complete-1')).status === 200, 8000);
      expect(await stack.metric('upstream_circuit_open')).toBe(0);
      expect(stack.logs().filter((line) => line.includes('the circuit to the upstream')).length).toBe(2);
    },
  );

  test.each([400, 401, 402, 403, 404, 429])('stays closed where the upstream says %i', async (status) => {
    const stack = await startWithCached({ UPSTREAM_RETRIES: '0' });
    stack.emulator.respondNext('*', { status, body: message }, 15);
    for (let n = 0; n < 15; n += 1) await stack.lookup(`complete-${n}`);
    expect(await stack.metric('upstream_circuit_open')).toBe(0);
    expect((await stack.lookup('complete-new')).status).toBe(200);
  });
});

describe('a key that is exchanged while many ask', () => {
  test('by the next one costs no lookup', async () => {
    const stack = await startWithCached({ MAGIC_HOUR_API_KEY_NEXT: NEW_KEY });
    stack.emulator.holdAll();
    const before = Array.from({ length: 20 }, (_, n) => stack.lookup(`complete-a${n}`));
    await stack.emulator.whenRequested('*', 21);
    // Those that arrived are judged by the keys of the moment in which they are answered.
    stack.emulator.setApiKeys([NEW_KEY]);
    stack.emulator.release();
    const after = Array.from({ length: 20 }, (_, n) => stack.lookup(`complete-b${n}`));
    for (const response of await Promise.all([...before, ...after])) expect(response.status).toBe(200);
  });

  test('in its file costs no lookup, time after time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'key-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'key');
    const put = async (key: string) => {
      await writeFile(`${file}.new`, key);
      await rename(`${file}.new`, file);
    };
    await put(EMULATOR_API_KEY);
    const stack = await startWithCached({ MAGIC_HOUR_API_KEY: '', MAGIC_HOUR_API_KEY_FILE: file });
    for (let round = 0; round < 5; round += 1) {
      const key = `${NEW_KEY}_${round}`;
      await put(key);
      stack.emulator.setApiKeys([key]);
      const asked = Array.from({ length: 10 }, (_, n) => stack.lookup(`complete-${round}-${n}`));
      for (const response of await Promise.all(asked)) expect(response.status).toBe(200);
    }
  });

  test('for nothing is told as ours, never as the user’s', async () => {
    const stack = await startWithCached();
    stack.emulator.setApiKeys([]);
    const asked = await Promise.all(Array.from({ length: 10 }, (_, n) => stack.lookup(`complete-${n}`)));
    for (const response of asked) {
      expect(response.status).toBe(502);
      expect(response.json()).toMatchObject({ code: 'upstream_rejected_key' });
    }
    expect(await stack.metric('upstream_key_rejections_total')).toBe(10);
  });
});
