import { expect, onTestFinished, test } from 'vitest';
import { startBrowser } from './browser.ts';

test('the browser runs a page', async () => {
  const browser = await startBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.setContent('<title>before</title><script>document.title = "after"</script>');
  expect(await page.title()).toBe('after');
});
