import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startBrowser } from '../support/browser.ts';
import { CANARIES, findCanaries, SECRETS } from '../support/canaries.ts';
import { freePort } from '../support/free-port.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { openStack, type Stack, startStack } from '../support/stack.ts';
import { openStatusPage } from '../support/status-page.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

async function startRedis(options?: Parameters<typeof startRedisServer>[0]) {
  const redis = await startRedisServer(options);
  onTestFinished(() => redis.stop());
  return redis;
}

async function openPage(stack: Stack, options?: Parameters<typeof openStatusPage>[2]) {
  return openStatusPage(browser, stack.service.opsUrl, options);
}

describe('the status page', () => {
  test('shows what runs, what it hangs on and what it did', async () => {
    const redis = await startRedis();
    const stack = await startStack({ env: { REDIS_URL: redis.url } });
    for (const id of ['complete-1', 'complete-1', 'complete-2', 'missing-1', 'status-503-1'])
      await stack.lookup(id);
    const { page, row, complaints, soon } = await openPage(stack);
    await soon(async () => expect(await row('All')).toEqual([expect.any(String), expect.any(String), '5']));
    const third = async (name: string) => (await row(name))[2];
    expect(await third('Answered with 5xx')).toBe('1');
    expect(await third('Hits in memory')).toBe('1');
    expect(await third('Misses')).toBe('3');
    expect(await third('Errors')).toBe('1');
    expect(await third('Hit ratio')).toBe('20.0 %');
    expect(await third('Upstream requests')).toBe('6');
    expect(await third('Upstream failures')).toBe('3');
    expect(await row('Hit ratio')).toEqual(['20.0 %', '20.0 %', '20.0 %']);
    expect(await third('95 % within')).toMatch(/^≤ [\d.]+ m?s$/);
    expect(await row('Upstream')).toEqual([new URL(stack.emulator.baseUrl).host]);
    expect(await row('Key in use')).toEqual(['the current one\nsince the start']);
    expect(await row('Key generation')).toEqual(['1\nnot exchanged since the start']);
    expect((await row('Redis')).join()).toMatch(/^up, one server/);
    expect((await row('Circuit')).join()).toMatch(/^closed/);
    expect((await row('Memory cache')).join()).toMatch(/ KiB of 64\.0 MiB\nin 3 projects$/);
    for (const check of ['lifecycle', 'issuer_keys', 'redis', 'upstream'])
      expect(await row(check)).toEqual(['ok']);
    const words = await page.getByRole('banner').innerText();
    expect(words).toContain(`Version 0.0.0-test, Node ${process.versions.node}, up `);
    expect(words).toContain('Ready');
    expect(await page.title()).toBe('ready – magic-hour-bff');
    expect(complaints).toEqual([]);
  });

  test('follows what happens without being loaded again', async () => {
    const stack = await startStack();
    const { page, row, complaints } = await openPage(stack);
    const header = await page.getByRole('rowheader', { name: 'All', exact: true }).elementHandle();
    const loads: string[] = [];
    page.on('load', () => loads.push(page.url()));
    for (const count of [1, 2]) {
      await stack.lookup(`complete-${count}`);
      // In its own time, as in a browser that nobody hurries.
      await vi.waitFor(async () => expect((await row('All'))[2]).toBe(`${count}`), 10_000);
    }
    // What did not change is the same element as before, with the focus and the selection that it may have.
    expect(await header?.evaluate((element) => element.isConnected)).toBe(true);
    expect(await page.locator('#live').innerText()).toBe('Refreshed every 2 seconds.');
    expect(loads).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('counts what is under way, itself left out', async () => {
    const stack = await startStack({ env: { UPSTREAM_MAX_CONCURRENCY: '2', UPSTREAM_MAX_QUEUE: '9' } });
    stack.emulator.holdAll();
    const asked = ['complete-1', 'complete-2', 'complete-3'].map((id) => stack.lookup(id));
    await stack.emulator.whenRequested('*', 2);
    const { row, soon } = await openPage(stack);
    await soon(async () => expect(await row('Requests in flight')).toEqual(['3']));
    expect(await row('At the upstream')).toEqual(['2 of 2']);
    expect(await row('Queued for it')).toEqual(['1 of 9']);
    stack.emulator.release();
    await Promise.all(asked);
    await soon(async () => expect(await row('Requests in flight')).toEqual(['0']));
  });

  test('says when the service does not answer any more, and finds it again', async () => {
    const env = { OPS_PORT: `${await freePort()}` };
    const first = await openStack({ env });
    onTestFinished(() => Promise.all([first.emulator.close(), first.issuer.close()]).then(() => undefined));
    const { page, soon } = await openPage(first);
    await first.service.stop();
    const live = page.locator('#live');
    await soon(async () => expect(await live.innerText()).toMatch(/^No answer since \d\d:\d\d:\d\d UTC\./));
    expect(await page.title()).toBe('no answer – magic-hour-bff');
    const since = (await live.innerText()).slice(0, 28);
    await page.waitForEvent('requestfailed');
    expect((await live.innerText()).slice(0, 28)).toBe(since);

    await startStack({ env, beside: first });
    await soon(async () => expect(await live.innerText()).toBe('Refreshed every 2 seconds.'));
    await soon(async () => expect(await page.title()).toBe('ready – magic-hour-bff'));
  });

  test('tells that Redis went down and came up', async () => {
    const redis = await startRedis();
    const stack = await startStack({ env: { REDIS_URL: redis.url } });
    const { page, row, complaints, soon } = await openPage(stack);
    await soon(async () => expect((await row('Redis')).join()).toMatch(/^up, one server/));
    await redis.kill();
    await stack.lookup('complete-1');
    await soon(async () =>
      expect((await row('Redis')).join()).toMatch(/^down, one server\nsince \d\d:\d\d:\d\d UTC, \d+ s ago$/),
    );
    expect(await page.getByRole('status').first().innerText()).toBe('Ready, but degraded: redis');
    expect(await page.title()).toBe('degraded – magic-hour-bff');
    expect(await row('redis')).toEqual(['degraded']);
    await redis.restart();
    await soon(async () => expect((await row('Redis')).join()).toMatch(/^up/));
    expect(await page.title()).toBe('ready – magic-hour-bff');
    expect(complaints).toEqual([]);
  });

  test('tells that the circuit opened and closed', async () => {
    const stack = await startStack({ env: { UPSTREAM_RETRIES: '0' } });
    const { row, soon } = await openPage(stack);
    for (let n = 0; n < 10; n += 1) await stack.lookup(`status-503-${n}`);
    await soon(async () =>
      expect((await row('Circuit')).join()).toMatch(/^open: not asked for a while\nsince .* UTC, \d+ s ago$/),
    );
    expect(await row('upstream')).toEqual(['degraded']);
    await soon(async () => expect((await stack.lookup('complete-1')).status).toBe(200));
    await soon(async () =>
      expect((await row('Circuit')).join()).toMatch(/^closed\nsince .* UTC, \d+ s ago$/),
    );
  });

  test('tells that another key is in use, and from where, but not which', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'key-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'key');
    await writeFile(file, SECRETS.apiKey);
    const newer = `${SECRETS.apiKey}/newer`;
    const stack = await startStack({
      emulator: { apiKeys: [SECRETS.apiKey] },
      env: {
        MAGIC_HOUR_API_KEY: '',
        MAGIC_HOUR_API_KEY_FILE: file,
        MAGIC_HOUR_API_KEY_NEXT: SECRETS.nextKey,
      },
    });
    const { page, row, soon } = await openPage(stack);
    await stack.lookup('complete-1');
    await writeFile(`${file}.new`, newer);
    await rename(`${file}.new`, file);
    await soon(async () =>
      expect((await row('Key in use')).join()).toMatch(/^the current one, newer from its file\nsince /),
    );
    expect(await row('Key generation')).toEqual(['2\nexchanged once since the start']);
    stack.emulator.setApiKeys([SECRETS.nextKey]);
    await stack.lookup('complete-2');
    await soon(async () => expect((await row('Key in use')).join()).toMatch(/^the next one\nsince /));
    expect(await row('Key generation')).toEqual(['3\nexchanged 2 times since the start']);
    await soon(async () => expect((await row('Refusals of the key'))[2]).toBe('1'));
    expect(findCanaries(CANARIES, [{ where: 'the page', text: await page.content() }])).toEqual([]);
  });

  test('holds no secret, no user, no project and no address of Redis', async () => {
    const redis = await startRedis({ password: SECRETS.redisPassword });
    const stack = await startStack({
      emulator: { apiKeys: [SECRETS.apiKey] },
      env: {
        REDIS_URL: redis.url,
        MAGIC_HOUR_API_KEY_NEXT: SECRETS.nextKey,
      },
    });
    const { page, row, soon } = await openPage(stack);
    await stack.lookup('complete-canary');
    await soon(async () => expect((await row('Redis')).join()).toMatch(/^up/));
    await soon(async () => expect((await row('Misses'))[2]).toBe('1'));
    await redis.kill();
    await stack.lookup('complete-other');
    await soon(async () => expect((await row('Redis')).join()).toMatch(/^down/));
    const paths = ['/', '/status.css', '/status.js'];
    const answers = await Promise.all(paths.map((path) => stack.ops.request(path)));
    const outlets = [
      { where: 'the page as it was refreshed', text: await page.content() },
      ...answers.map(({ body, headers }, n) => ({
        where: `${paths[n]}`,
        text: `${body}${JSON.stringify([...headers])}`,
      })),
    ];
    expect(findCanaries(CANARIES, outlets)).toEqual([]);
    for (const { text } of outlets) {
      for (const word of ['alice', 'complete-canary', `127.0.0.1:${redis.port}`])
        expect(text).not.toContain(word);
    }
  });
});

describe('GET / of the ops listener', () => {
  test('is never kept, has HEAD, and lets a browser load its own two files and nothing else', async () => {
    const { ops } = await startStack();
    const page = await ops.request('/');
    expect(page.status).toBe(200);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('content-security-policy')).toBe(
      "default-src 'none';script-src 'self';style-src 'self';connect-src 'self';img-src data:;base-uri 'none';form-action 'none';frame-ancestors 'none'",
    );
    const head = await ops.request('/', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(head.body).toHaveLength(0);
    for (const file of ['/status.css', '/status.js']) {
      const first = await ops.request(file);
      expect(first.status).toBe(200);
      const headers = { 'if-none-match': first.headers.get('etag') ?? '' };
      expect((await ops.request(file, { headers })).status).toBe(304);
    }
  });

  test('takes nothing but to be read', async () => {
    const { ops } = await startStack();
    for (const path of ['/', '/status.css', '/status.js']) {
      for (const method of ['POST', 'PUT', 'DELETE']) {
        const { status, headers } = await ops.request(path, { method });
        expect([path, method, status, headers.get('allow')]).toEqual([path, method, 405, 'GET, HEAD']);
      }
    }
    for (const path of ['/status', '/status.js/', '/index.html', '/favicon.ico'])
      expect([path, (await ops.request(path)).status]).toEqual([path, 404]);
  });
});
