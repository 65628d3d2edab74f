import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWorld, type World } from '../../demo/embedded-world.ts';
import { startBrowser } from '../support/browser.ts';
import { accessibilityFaults, openWebPage, overflowPixels } from '../support/web-page.ts';

let browser: Browser;
let world: World;
beforeAll(async () => {
  [browser, world] = await Promise.all([startBrowser(), startWorld({ ports: 'any' })]);
});
afterAll(() => Promise.all([browser.close(), world.stop()]));

const open = (options?: Parameters<typeof openWebPage>[2]) => openWebPage(browser, world.pageUrl, options);
const button = (page: Page, name: string) => page.getByRole('button', { name });
const asked = (page: Page) => page.locator('#asked').innerText();
const step = (page: Page) => page.locator('[aria-current=step]').innerText();

async function finish(page: Page): Promise<void> {
  await button(page, 'Start a pretend project').click();
  await page.getByText('The project is complete.').waitFor();
  await expect.poll(asked.bind(undefined, page)).toMatch(/^200: /);
}

describe('the page of the demo', () => {
  test('follows a project from queued to complete, and shows its picture', async () => {
    const { page, complaints, hosts } = await open();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    await button(page, 'Start a pretend project').click();
    for (const status of ['queued', 'rendering', 'complete'])
      await expect.poll(() => step(page), { timeout: 10_000, interval: 20 }).toBe(status);
    await page.getByRole('img', { name: 'A sun over hills, drawn for this project' }).waitFor();
    const width = () => page.evaluate("document.getElementById('image').naturalWidth");
    await expect.poll(width).toBe(480);
    // One stream told of all of it.
    expect(requests.filter((path) => path.endsWith('/events'))).toHaveLength(1);
    expect(complaints).toEqual([]);
    expect([...hosts]).toEqual(['127.0.0.1']);
  });

  test('shows the cache and the limit at work in the headers of true answers', async () => {
    const { page } = await open();
    await finish(page);
    await button(page, 'Ask again').click();
    await expect
      .poll(() => asked(page))
      .toBe('200: A hit: this replica had it in memory. Magic Hour was not asked.');
    expect(await page.locator('#headers').innerText()).toMatch(/Cache-Status\s+magic-hour-bff; hit; ttl=\d+/);
    await button(page, 'Ask with the ETag').click();
    await expect.poll(() => asked(page)).toBe('304: no change, and no body');
    await button(page, 'Ask until it is too much').click();
    await expect
      .poll(() => asked(page), { timeout: 10_000 })
      .toMatch(/^429: too many requests\. .* in \d+ s/);
    expect(await button(page, 'Ask again').isDisabled()).toBe(true);
    await expect.poll(() => asked(page), { timeout: 30_000 }).toBe('You may ask again.');
    await button(page, 'Ask again').click();
    await expect.poll(() => asked(page)).toMatch(/^200: /);
  }, 60_000);

  test('can be used by the keyboard alone', async () => {
    const { page } = await open();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.id')).toBe('start');
    await page.keyboard.press('Enter');
    await page.getByText('The project is complete.').waitFor();
    await expect.poll(() => asked(page)).toMatch(/^200: /);
    await button(page, 'Ask again').focus();
    await page.keyboard.press('Space');
    await expect.poll(() => page.locator('#answers li').count()).toBe(2);
  });

  test.each([
    ['phone', 360, 'light'],
    ['phone', 360, 'dark'],
    ['desktop', 1200, 'light'],
    ['desktop', 1200, 'dark'],
  ] as const)(
    'fits a %s, %i wide, %s, and is accessible, before and after',
    async (_what, width, colorScheme) => {
      const { page, complaints } = await open({ viewport: { width, height: 800 }, colorScheme });
      expect(await accessibilityFaults(page)).toEqual([]);
      await finish(page);
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(await overflowPixels(page)).toBe(0);
      expect(complaints).toEqual([]);
    },
  );

  test('says so when a project can not be started', async () => {
    const { page } = await open();
    await page.route('**/projects', (route) => route.abort());
    await button(page, 'Start a pretend project').click();
    await expect.poll(() => page.locator('#told').innerText()).toMatch(/^That went wrong: /);
  });

  test('serves nothing but its own files', async () => {
    for (const path of [
      '/../package.json',
      '/client/../package.json',
      '/client/README.md',
      '/page-server.ts',
    ]) {
      const { status } = await fetch(world.pageUrl + path);
      expect([path, status]).toEqual([path, 404]);
    }
  });
});
