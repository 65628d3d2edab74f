import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { onTestFinished, vi } from 'vitest';

export interface OpenStatusPage {
  readonly page: Page;
  /** The cells of the row that a name heads, in the words that are shown. */
  row(name: string): Promise<string[]>;
  /** Resolves once the page shows it. Only the page's own clock is put forward, so that it refreshes at once. */
  soon(assert: () => Promise<void>): Promise<void>;
  /** What the browser had to say against it: errors, warnings, what its policy refused. */
  readonly complaints: readonly string[];
}

/** How often the page asks for itself. */
const REFRESH_MS = 2000;

/** The status page in a tab that closes with the test. */
export async function openStatusPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenStatusPage> {
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()))
      complaints.push(`${message.type()}: ${message.text()}`);
  });
  await page.clock.install();
  await page.goto(url);
  return {
    page,
    soon: (assert) =>
      vi.waitFor(
        async () => {
          await page.clock.runFor(REFRESH_MS);
          await assert();
        },
        { timeout: 10_000, interval: 100 },
      ),
    row: (name) =>
      page
        .getByRole('row')
        .filter({ has: rowHeader(page, name) })
        .getByRole('cell')
        .allInnerTexts(),
    complaints,
  };
}

function rowHeader(page: Page, name: string) {
  return page.getByRole('rowheader', { name, exact: true });
}

/**
 * Texts with less contrast to what is behind them than 4.5 to 1 (WCAG 2.2, 1.4.3, level AA), each with its ratio.
 * Backgrounds are plain colours here.
 */
export function faintTexts(page: Page): Promise<string[]> {
  return page.evaluate(FAINT_TEXTS);
}

/** Code for the page, as text: the tests' own types know no DOM. */
const FAINT_TEXTS = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).slice(0, 3).map((each) => {
      const share = each / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = [...document.body.querySelectorAll('*')].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== ''));
  return texts.flatMap((element) => {
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    return ratio < 4.5 ? [element.textContent.trim() + ': ' + ratio.toFixed(2)] : [];
  });
})()`;
