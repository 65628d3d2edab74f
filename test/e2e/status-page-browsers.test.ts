import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startBrowser } from '../support/browser.ts';
import { findOrInstall } from '../support/debian-program.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { faintTexts, openStatusPage } from '../support/status-page.ts';

const run = promisify(execFile);

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

async function openPage(stack: Stack, options?: Parameters<typeof openStatusPage>[2]) {
  return openStatusPage(browser, stack.service.opsUrl, options);
}

describe('the status page in any browser', () => {
  test.each([
    ['phone', 320, 'light'],
    ['phone', 320, 'dark'],
    ['tablet', 768, 'light'],
    ['desktop', 1280, 'light'],
    ['desktop', 1280, 'dark'],
  ] as const)('fits a %s, %i wide, %s, and is easy to read', async (_what, width, colorScheme) => {
    const stack = await startStack({ env: { UPSTREAM_RETRIES: '0', REDIS_URL: 'redis://127.0.0.1:1' } });
    for (let n = 0; n < 10; n += 1) await stack.lookup(`status-503-${n}`);
    const { page, row, complaints, soon } = await openPage(stack, {
      viewport: { width, height: 800 },
      colorScheme,
    });
    await soon(async () => expect((await row('Answered with 5xx'))[2]).toBe('10'));
    expect((await row('Circuit')).join()).toMatch(/^open/);
    const root = 'document.documentElement';
    expect(await page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`)).toBe(0);
    // No word is broken, so that no name takes more than its words.
    const lines =
      "[...document.querySelectorAll('.traffic tbody th')].map((name) => name.getBoundingClientRect().height / 19.5)";
    expect(Math.max(...(await page.evaluate<number[]>(lines)))).toBeLessThan(4);
    expect(await faintTexts(page)).toEqual([]);
    const [red, green, blue] = await page.evaluate<number[]>(
      'getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)',
    );
    const isDark = Math.max(red ?? 0, green ?? 0, blue ?? 0) < 64;
    expect(isDark).toBe(colorScheme === 'dark');
    expect(complaints).toEqual([]);
  });

  test('names its parts to assistive technology, and takes the keyboard', async () => {
    const stack = await startStack();
    const { page } = await openPage(stack);
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.getByRole('heading', { level: 1 }).allInnerTexts()).toEqual(['magic-hour-bff']);
    const sections = ['Magic Hour and Redis', 'At this moment', 'Readiness checks', 'Traffic'];
    expect(await page.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual(sections);
    for (const name of sections) expect(await page.getByRole('table', { name }).count()).toBe(1);
    const columns = page.getByRole('table', { name: 'Traffic' }).getByRole('columnheader');
    expect(await columns.allInnerTexts()).toEqual(['What', 'Last minute', 'Last 5 minutes', 'Since start']);
    expect(await page.getByRole('status').count()).toBe(2);
    const focused: unknown[] = [];
    for (let n = 0; n < 3; n += 1) {
      await page.keyboard.press('Tab');
      focused.push(await page.evaluate('document.activeElement.textContent'));
    }
    expect(focused).toEqual(['Metrics', 'Readiness', 'Liveness']);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/livez');
    expect(await page.innerText('body')).toContain('alive');
  });

  test('rests while its tab is hidden, and is up to date when it is seen again', async () => {
    const stack = await startStack();
    const { page, row } = await openPage(stack);
    let refreshes = 0;
    page.on('request', () => {
      refreshes += 1;
    });
    const show = (hidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`);
    await show(true);
    await stack.lookup('complete-1');
    await page.clock.runFor(60_000);
    expect(refreshes).toBe(0);
    await vi.waitFor(async () => {
      await show(false);
      expect((await row('All'))[2]).toBe('1');
    }, 10_000);
    expect(refreshes).toBeGreaterThan(0);
  });

  test('is the same without its script, and has the browser load it again', async () => {
    const stack = await startStack();
    await stack.lookup('complete-1');
    const { page, row } = await openPage(stack, { javaScriptEnabled: false });
    await vi.waitFor(async () => {
      await page.reload();
      expect((await row('All'))[2]).toBe('1');
    }, 10_000);
    expect(await page.locator('#live').innerText()).toBe('Loaded again every 10 seconds.');
    expect(await page.locator('meta[http-equiv=refresh]').getAttribute('content')).toBe('10');
  });

  test('has its style and its script also under a name that is not this machine’s', async () => {
    const stack = await startStack();
    // Chromium asks the listener for http://ops.example/ as it would a proxy; https it could not have from it.
    const { page } = await openStatusPage(browser, 'http://ops.example/', {
      proxy: { server: stack.service.opsUrl },
    });
    await page.getByText('Refreshed every 2 seconds.').waitFor();
    expect(await page.evaluate('getComputedStyle(document.body).maxWidth')).toBe('1088px');
  });

  test('reads from top to bottom in a text browser', async () => {
    const w3m = await findOrInstall('w3m', 'w3m');
    const redis = await startRedisServer();
    onTestFinished(() => redis.stop());
    const stack = await startStack({ env: { REDIS_URL: redis.url } });
    await stack.lookup('complete-1');
    await vi.waitFor(async () => {
      const { stdout } = await run(w3m, ['-dump', '-cols', '80', '-O', 'UTF-8', stack.service.opsUrl]);
      const lines = stdout.split('\n').map((line) => line.trim());
      const order = [
        /^magic-hour-bff$/,
        /^Ready$/,
        /^Version 0\.0\.0-test, Node [\d.]+, up \d+ s/,
        /^As of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/,
        /^Magic Hour and Redis$/,
        /^Upstream +127\.0\.0\.1:\d+$/,
        /^Circuit +closed since the start$/,
        /^Key in use +the current one since the start$/,
        /^Key generation +1 not exchanged since the start$/,
        /^Redis +up, one server since /,
        /^At this moment$/,
        /^Requests in flight +0$/,
        /^Readiness checks$/,
        /^redis +ok$/,
        /^Traffic$/,
        /^What +Last minute +Last 5 minutes +Since start$/,
        /^All +\S+ +\S+ +1$/,
        /^Hit ratio +0\.0 % +0\.0 % +0\.0 %$/,
        /^Misses +\S+ +\S+ +1$/,
        /^Metrics Readiness Liveness$/,
      ];
      const found = order.map((wanted) => lines.findIndex((line) => wanted.test(line)));
      expect([found.includes(-1) ? stdout : '', found]).toEqual(['', [...found].sort((a, b) => a - b)]);
    }, 10_000);
  });
});
