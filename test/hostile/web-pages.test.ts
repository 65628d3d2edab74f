import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findChromium } from '../support/browser.ts';
import { closeNow, listen } from '../support/http-server.ts';
import { sendExactly } from '../support/send-exactly.ts';
import { type Stack, startStack } from '../support/stack.ts';

const PROJECT = '/cache/image-projects/complete-1';

/** A page by a name that leads to this machine, as its owner may have it do after the page was loaded (DNS rebinding). */
async function openPage(port: number | string) {
  const args = ['--no-sandbox', '--host-resolver-rules=MAP attacker.example 127.0.0.1'];
  const browser = await chromium.launch({ executablePath: await findChromium(), args });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://attacker.example:${port}/`);
  return (url: string, init: { method?: string; mode?: string } = {}) =>
    page.evaluate<number | string>(
      `fetch(${JSON.stringify(url)}, ${JSON.stringify(init)}).then((answer) => answer.status, (error) => error.name)`,
    );
}

/** Whether what is cached was still there, by how often the upstream was asked. */
async function isKept({ lookup, emulator }: Stack): Promise<boolean> {
  await lookup('complete-1');
  return emulator.count('complete-1') === 1;
}

describe('a web page in the browser of somebody who reaches the ops listener', () => {
  test('purges nothing and reads nothing from its own origin', async () => {
    const stack = await startStack();
    await stack.lookup('complete-1');
    const site = createServer((_req, res) => res.end('<!doctype html>'));
    const port = await listen(site, 0, '127.0.0.1');
    onTestFinished(() => closeNow(site));
    const ask = await openPage(port);
    const ops = stack.service.opsUrl;
    expect(await ask(`${ops}${PROJECT}`, { method: 'DELETE' })).toBe('TypeError');
    for (const path of ['/', '/metrics', '/readyz', '/status.js'])
      expect([path, await ask(ops + path), await ask(ops + path, { mode: 'no-cors' })]).toEqual([
        path,
        'TypeError',
        'TypeError',
      ]);
    expect(await isKept(stack)).toBe(true);
  });

  test('purges nothing by a name of its own that leads to the listener', async () => {
    const stack = await startStack();
    await stack.lookup('complete-1');
    const ask = await openPage(new URL(stack.service.opsUrl).port);
    expect(await ask(PROJECT, { method: 'DELETE' })).toBe(403);
    expect(await isKept(stack)).toBe(true);
  });
});

describe('a purge', () => {
  test.each([
    ['Origin', 'http://127.0.0.1:9464'],
    ['Origin', 'null'],
    ['Origin', ''],
    ['Sec-Fetch-Site', 'same-origin'],
  ])('with %s: %s is refused, in the words of the catalogue', async (name, value) => {
    const stack = await startStack();
    await stack.lookup('complete-1');
    const refused = await sendExactly(stack.service.opsUrl, PROJECT, [name, value], { method: 'DELETE' });
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body.toString())).toMatchObject({ code: 'origin_not_allowed' });
    const client = await stack.ops.request(PROJECT, { method: 'DELETE', headers: { origin: 'null' } });
    expect(client.status).toBe(403);
    expect(await isKept(stack)).toBe(true);
    const done = await sendExactly(stack.service.opsUrl, PROJECT, [], { method: 'DELETE' });
    expect(done.status).toBe(204);
    expect(await isKept(stack)).toBe(false);
  });
});
