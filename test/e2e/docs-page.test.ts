import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { renderApiPage } from '../../scripts/api-page/page.ts';
import { startBrowser } from '../support/browser.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { accessibilityFaults, openWebPage, overflowPixels } from '../support/web-page.ts';

const run = promisify(execFile);
const textOf = (path: string) => readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8');

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const openDocs = (stack: Stack, options?: Parameters<typeof openWebPage>[2]) =>
  openWebPage(browser, `${stack.service.publicUrl}/docs`, options);

const field = (page: Page, name: string | RegExp) => page.getByRole('textbox', { name });
const lookUp = (page: Page) => page.getByRole('button', { name: 'Send' }).click();
const told = (page: Page) => page.locator('#told');
/** The cell beside a header's name. */
const header = (page: Page, name: string) =>
  page
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader', { name, exact: true }) })
    .getByRole('cell');

async function fill(page: Page, stack: Stack, id: string) {
  await field(page, 'Project id').fill(id);
  await page.getByLabel('Your access token').fill(await stack.issuer.token());
}

describe('the page of the API', () => {
  test('is as `npm run openapi` writes it', () => {
    const document: unknown = parse(textOf('openapi.yaml'));
    expect(textOf('page/index.html')).toBe(renderApiPage(document, textOf('errors.md')));
  });

  test('names each operation of the description, and each code of an error', async () => {
    const stack = await startStack();
    const { page } = await openDocs(stack);
    const description: { paths: Record<string, Record<string, { operationId?: string }>> } = JSON.parse(
      textOf('openapi.json'),
    );
    const shown = Object.values(description.paths).flatMap((item) =>
      ['get', 'put', 'post', 'delete'].flatMap((method) => item[method]?.operationId ?? []),
    );
    expect(shown.length).toBeGreaterThan(10);
    for (const id of shown) expect([id, await page.locator(`details#${id}`).count()]).toEqual([id, 1]);
    const codes = [...textOf('errors.md').matchAll(/^\| [\d, ]+ \| `(\w+)`/gm)].map(([, code]) => code);
    for (const code of codes)
      expect([code, await page.locator(`[data-error="${code}"]`).count()]).toEqual([code, 1]);
  });

  test('links to nothing that it has not', async () => {
    const stack = await startStack();
    const { page } = await openDocs(stack);
    const dead = await page.evaluate<string[]>(
      "[...document.querySelectorAll('a[href^=\"#\"]')].map((a) => a.getAttribute('href')).filter((href) => document.getElementById(href.slice(1)) === null)",
    );
    expect(dead).toEqual([]);
  });

  test('allows its own script and style alone, and is asked for anew only when it changed', async () => {
    const stack = await startStack();
    for (const path of ['/docs', '/docs/page.css', '/docs/page.js']) {
      const { status, headers } = await stack.client.request(path);
      const again = await stack.client.request(path, {
        headers: { 'if-none-match': headers.get('etag') ?? '' },
      });
      expect([path, status, again.status]).toEqual([path, 200, 304]);
    }
    const { headers } = await stack.client.request('/docs');
    expect(headers.get('content-security-policy')?.split(';')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
  });
});

describe('a lookup that is tried on the page', () => {
  test('shows the true answer: status, headers, body and links', async () => {
    const stack = await startStack();
    const { page, complaints, hosts } = await openDocs(stack);
    await fill(page, stack, 'complete-1');
    await lookUp(page);
    await expect.poll(() => told(page).innerText()).toBe('200 OK');
    const answer = await stack.lookup('complete-1');
    expect(JSON.parse(await page.locator('#body').innerText())).toEqual(answer.json());
    expect(await header(page, 'etag').innerText()).toBe(answer.headers.get('etag'));
    expect(await header(page, 'cache-status').innerText()).toMatch(/^magic-hour-bff; fwd=uri-miss; /);
    const links = page.locator('#links a');
    expect(await links.allInnerTexts()).toEqual(['https://videos.magichour.ai/complete-1/output.png']);
    // Once more with what it now knows.
    await page.getByRole('button', { name: 'Ask again with this ETag' }).click();
    await expect.poll(() => told(page).innerText()).toMatch(/^304 /);
    expect(await page.locator('#body').innerText()).toBe('(none)');
    expect(complaints).toEqual([]);
    expect([...hosts]).toEqual(['127.0.0.1']);
  });

  test.each(['image', 'video', 'audio'])('is one of a project of kind %s', async (kind) => {
    const stack = await startStack();
    const { page } = await openDocs(stack);
    await page.getByRole('radio', { name: kind }).check();
    await fill(page, stack, 'complete-1');
    await lookUp(page);
    await expect.poll(() => told(page).innerText()).toBe('200 OK');
    expect(stack.emulator.requests.map(({ path }) => path)).toEqual([`/v1/${kind}-projects/complete-1`]);
  });

  test.each([
    ['missing-1', {}, '404 Not Found. not_found', 'No such project'],
    ['not an id', {}, '400 Bad Request. invalid_project_id', 'The id is not 1–128 letters'],
    ['complete-1', { min_valid: '-1' }, '400 Bad Request. invalid_parameter', 'is not a whole number'],
    [
      'complete-1',
      { 'Your access token': '' },
      '401 Unauthorized. token_missing',
      'No token was sent, nor the cookie of a session',
    ],
    ['complete-1', { 'Your access token': 'x' }, '401 Unauthorized. token_invalid', 'is not right'],
    ['status-500-1', {}, '502 Bad Gateway. upstream_error', 'Magic Hour failed'],
  ])('explains an error in the words of the docs: %s %j', async (id, fields, words, advice) => {
    const stack = await startStack({ env: { UPSTREAM_RETRIES: '0' } });
    const { page, complaints } = await openDocs(stack);
    await fill(page, stack, id);
    for (const [name, value] of Object.entries(fields)) await page.getByLabel(name).fill(value);
    await lookUp(page);
    await expect.poll(() => told(page).innerText()).toBe(words);
    expect(await page.locator('#advice').innerText()).toContain(advice);
    expect(await page.locator('#advice').innerText()).toContain('What to do:');
    expect(complaints).toEqual([]);
  });

  test('follows events as they come, until the project is over', async () => {
    const stack = await startStack({ emulator: { queuedMs: 200, renderingMs: 200 } });
    const { page, complaints } = await openDocs(stack);
    await page.getByRole('radio', { name: 'its events' }).check();
    expect(await page.locator('#command').innerText()).toContain('curl -iN ');
    await fill(page, stack, 'queued-1');
    await lookUp(page);
    await expect.poll(() => told(page).innerText()).toBe('200 OK. The stream is open');
    await expect.poll(() => page.locator('#body').innerText()).toContain('"status":"queued"');
    await expect.poll(() => told(page).innerText(), { timeout: 10_000 }).toBe('200 OK. The stream has ended');
    expect(await page.locator('#body').innerText()).toContain('"status":"complete"');
    expect(await page.locator('#links a').count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  test('waits for the end where `Prefer` asks for it', async () => {
    const stack = await startStack({ emulator: { queuedMs: 200, renderingMs: 200 } });
    const { page } = await openDocs(stack);
    await fill(page, stack, 'queued-1');
    await field(page, /Prefer/).fill('wait=20');
    await lookUp(page);
    await expect.poll(() => told(page).innerText(), { timeout: 20_000 }).toBe('200 OK');
    expect(JSON.parse(await page.locator('#body').innerText())).toMatchObject({ status: 'complete' });
    expect(await header(page, 'preference-applied').innerText()).toBe('wait=20');
  });

  test('can be stopped', async () => {
    const stack = await startStack();
    const { page } = await openDocs(stack);
    await fill(page, stack, 'hang-1');
    await lookUp(page);
    await stack.emulator.whenRequested('hang-1');
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect.poll(() => told(page).innerText()).toBe('Stopped.');
  });

  test('is also a command that a shell understands, without the token', async () => {
    const stack = await startStack();
    const { page } = await openDocs(stack);
    await fill(page, stack, "it's");
    await field(page, /min_valid/).fill('60');
    await field(page, /If-None-Match/).fill(`"it's $HOME"`);
    const command = await page.locator('#command').innerText();
    const token = await page.getByLabel('Your access token').inputValue();
    expect(await page.innerText('body')).not.toContain(token);
    const { stdout } = await run('sh', ['-c', command.replace(/^curl/, "printf '%s\\n'")], {
      env: { TOKEN: 'the token' },
    });
    expect(stdout.trim().split('\n')).toEqual([
      '-i',
      '-H',
      'Authorization: Bearer the token',
      '-H',
      `If-None-Match: "it's $HOME"`,
      `${stack.service.publicUrl}/v1/image-projects/it's?min_valid=60`,
    ]);
  });

  test('leaves the token nowhere but in its field', async () => {
    const stack = await startStack();
    const { page } = await openDocs(stack);
    await fill(page, stack, 'complete-1');
    await lookUp(page);
    await expect.poll(() => told(page).innerText()).toBe('200 OK');
    const { cookies, origins } = await page.context().storageState({ indexedDB: true });
    expect([cookies, origins, await page.evaluate('sessionStorage.length'), page.url()]).toEqual([
      [],
      [],
      0,
      `${stack.service.publicUrl}/docs`,
    ]);
    await page.reload();
    expect(await page.getByLabel('Your access token').inputValue()).toBe('');
  });
});

describe('the page of the API in any browser', () => {
  test.each([
    ['phone', 360, 'light'],
    ['phone', 360, 'dark'],
    ['desktop', 1280, 'light'],
    ['desktop', 1280, 'dark'],
  ] as const)('fits a %s, %i wide, %s, and is accessible to all', async (_what, width, colorScheme) => {
    const stack = await startStack();
    const { page, complaints } = await openDocs(stack, { viewport: { width, height: 800 }, colorScheme });
    await page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true");
    await fill(page, stack, 'missing-1');
    await lookUp(page);
    await expect.poll(() => told(page).innerText()).toMatch(/^404 /);
    expect(await overflowPixels(page)).toBe(0);
    expect(await accessibilityFaults(page)).toEqual([]);
    await fill(page, stack, 'complete-1');
    await lookUp(page);
    await expect.poll(() => told(page).innerText()).toBe('200 OK');
    expect(await overflowPixels(page)).toBe(0);
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('needs no mouse', async () => {
    const stack = await startStack();
    const { page } = await openDocs(stack);
    const { keyboard } = page;
    const focused = () => page.evaluate('document.activeElement.id || document.activeElement.textContent');
    await keyboard.press('Tab');
    expect(await focused()).toBe('To the form: try a lookup');
    await keyboard.press('Enter');
    await keyboard.press('Tab');
    await keyboard.press('ArrowRight');
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    expect(await focused()).toBe('project-id');
    await keyboard.type('complete-1');
    await keyboard.press('Tab');
    expect(await focused()).toBe('token');
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    await keyboard.insertText(await stack.issuer.token());
    await keyboard.press('Enter');
    await expect.poll(() => told(page).innerText()).toBe('200 OK');
    expect(stack.emulator.requests.map(({ path }) => path)).toEqual(['/v1/video-projects/complete-1']);
    expect(await told(page).getAttribute('role')).toBe('status');
  });

  test('can be read without its script, and says what is missing', async () => {
    const stack = await startStack();
    const { page } = await openDocs(stack, { javaScriptEnabled: false });
    expect(await page.locator('#try').isHidden()).toBe(true);
    expect(await page.innerText('main')).toContain('To try it here, the page needs its script');
    await page.getByText('Look up an image project').click();
    expect(await page.locator('#getImageProject').innerText()).toContain(
      'Seconds that each download URL must live on',
    );
  });
});
