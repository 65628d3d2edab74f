/** `npm run docs:pictures`: takes the pictures of the pages for developers, light and dark, on a phone and on a desktop. */
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { startWorld } from '../demo/embedded-world.ts';
import { startBrowser } from '../test/support/browser.ts';
import { startMagicHourEmulator } from '../test/support/magic-hour-emulator.ts';
import { startServiceProcess } from '../test/support/service-process.ts';
import { startTokenIssuer } from '../test/support/token-issuer.ts';

const IMAGES = new URL('../docs/images/', import.meta.url);
const WINDOWS = {
  phone: { width: 360, height: 1400 },
  desktop: { width: 1200, height: 860 },
} as const;

const browser = await startBrowser();
await takeDocs();
await takeDemo();
await browser.close();

async function takeDocs(): Promise<void> {
  const emulator = await startMagicHourEmulator();
  const issuer = await startTokenIssuer();
  const service = await startServiceProcess({
    MAGIC_HOUR_API_KEY: emulator.apiKey,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
  });
  await takeEach('docs', async (page) => {
    await page.goto(`${service.publicUrl}/docs`);
    await page.getByLabel('Project id').fill('complete-1');
    await page.getByLabel('Your access token').fill(await issuer.token());
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('200 OK').waitFor();
  });
  service.kill('SIGTERM');
  await service.exited;
  await Promise.all([issuer.close(), emulator.close()]);
}

async function takeDemo(): Promise<void> {
  const world = await startWorld({ ports: 'any' });
  await takeEach('demo', async (page) => {
    await page.goto(world.pageUrl);
    await page.getByRole('button', { name: 'Start a pretend project' }).click();
    await page.getByText('The project is complete.').waitFor();
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page
      .getByText(/^200: A hit/)
      .first()
      .waitFor();
    await page.waitForFunction('document.getElementById("image").naturalWidth > 0');
  });
  await world.stop();
}

/** One picture a window and scheme. */
async function takeEach(name: string, arrange: (page: Page) => Promise<void>): Promise<void> {
  for (const [device, viewport] of Object.entries(WINDOWS)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ viewport, colorScheme });
      await arrange(page);
      const path = fileURLToPath(new URL(`${name}-${device}-${colorScheme}.png`, IMAGES));
      await page.screenshot({ path });
      await page.close();
      process.stdout.write(`${name}-${device}-${colorScheme}.png: ${(await stat(path)).size} bytes\n`);
    }
  }
}
