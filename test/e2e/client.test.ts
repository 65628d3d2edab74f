import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { watchProject } from '../../client/index.ts';
import { buildClient } from '../../scripts/client-build.ts';
import { clientTypes } from '../../scripts/client-types.ts';
import { KINDS } from '../../src/lookup/project.ts';
import { startBrowser } from '../support/browser.ts';
import { closeNow, listen, localUrl } from '../support/http-server.ts';
import { type Stack, startStack } from '../support/stack.ts';

const run = promisify(execFile);
const BUILT = new URL('../../client/dist/index.js', import.meta.url);
const ENV = { CACHE_PENDING_TTL_MS: '50', WATCH_INTERVAL_MIN_MS: '50' };
const EMULATOR = { queuedMs: 200, renderingMs: 200 };

beforeAll(buildClient);

const tokenOf = (stack: Stack) => stack.issuer.token({ sub: 'alice' });

describe('the client against the service', () => {
  test.each(KINDS)('watches %s projects from queued to complete, for one request', async (kind) => {
    const stack = await startStack({ env: ENV, emulator: EMULATOR });
    const heard: string[] = [];
    const project = await watchProject('demo-1', {
      kind,
      baseUrl: stack.service.publicUrl,
      token: () => tokenOf(stack),
      onStatus: ({ status }) => void heard.push(status),
    });
    expect(heard).toEqual(['queued', 'rendering', 'complete']);
    expect(project.downloads?.[0]?.url).toContain('X-Goog-Signature');
    const series = `http_request_duration_seconds_count{method="GET",route="/v1/${kind}-projects/{id}/events",status="200"}`;
    await expect.poll(() => stack.metric(series)).toBe(1);
  });

  test('is told that there is no such project', async () => {
    const stack = await startStack();
    const options = { baseUrl: stack.service.publicUrl, token: () => tokenOf(stack) };
    await expect(watchProject('missing-1', options)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('outlasts a replica that is stopped under it', async () => {
    const first = await startStack({ env: ENV });
    first.emulator.project('p1', { status: 'queued' });
    const second = await startStack({ env: ENV, beside: first });
    // A balancer of the simplest kind: every new connection goes to the replica that is there.
    let { publicUrl } = first.service;
    const balancer = createServer(async (req, res) => {
      const answer = await fetch(publicUrl + req.url, {
        headers: { authorization: req.headers.authorization ?? '' },
      });
      res.writeHead(answer.status, { 'Content-Type': answer.headers.get('content-type') ?? '' });
      for await (const bit of answer.body ?? []) res.write(bit);
      res.end();
    });
    onTestFinished(() => closeNow(balancer));
    const baseUrl = localUrl('127.0.0.1', await listen(balancer, 0, '127.0.0.1'));
    const heard: string[] = [];
    const watching = watchProject('p1', {
      baseUrl,
      token: () => tokenOf(first),
      onStatus: ({ status }) => void heard.push(status),
    });
    await expect.poll(() => heard).toEqual(['queued']);
    publicUrl = second.service.publicUrl;
    await first.service.stop();
    first.emulator.project('p1', { status: 'complete' });
    expect(await watching).toMatchObject({ status: 'complete' });
    expect(heard).toEqual(['queued', 'complete']);
  });
});

describe('the client as it is published', () => {
  test('is an entry of the package that Node can import', async () => {
    const { stdout } = await run(process.execPath, [
      '--input-type=module',
      '--eval',
      "import { watchProject, WatchError } from 'magic-hour-bff/client'; console.log(typeof watchProject, new WatchError(404, {}).name);",
    ]);
    expect(stdout).toBe('function WatchError\n');
  });

  test('is 3 KB at the most, compressed, and needs nothing else', () => {
    const built = readFileSync(BUILT);
    expect(gzipSync(built, { level: 9 }).length).toBeLessThanOrEqual(3 * 1024);
    expect(built.toString()).not.toMatch(/\bimport\b|\brequire\(/);
  });

  test('has the types that docs/openapi.yaml describes', async () => {
    const types = readFileSync(new URL('../../client/types.ts', import.meta.url), 'utf8');
    expect(types).toBe(await clientTypes());
  });
});

describe('the client in a browser', () => {
  let browser: Awaited<ReturnType<typeof startBrowser>>;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  /** A page of another origin than the service's, which is allowed to call it. */
  async function openApp(emulator = EMULATOR) {
    const pages = createServer((req, res) => {
      const script = req.url === '/client.js';
      res.writeHead(200, { 'Content-Type': script ? 'text/javascript' : 'text/html' });
      res.end(script ? readFileSync(BUILT) : '<!doctype html><title>App</title>');
    });
    onTestFinished(() => closeNow(pages));
    const origin = localUrl('127.0.0.1', await listen(pages, 0, '127.0.0.1'));
    const stack = await startStack({ env: { ...ENV, CORS_ORIGINS: origin }, emulator });
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(origin);
    const options = JSON.stringify({ baseUrl: stack.service.publicUrl, token: await tokenOf(stack) });
    /** Watches and remembers what it is told; the network may go in between. */
    const watch = (id: string) =>
      page.evaluate(`import('/client.js').then(({ watchProject }) => {
        globalThis.heard = [];
        globalThis.result = watchProject('${id}', {
          ...${options},
          onStatus: ({ status }) => globalThis.heard.push(status),
        });
      })`);
    return { stack, page, watch };
  }

  test('watches a project of another origin from queued to complete', async () => {
    const { page, watch } = await openApp();
    await watch('demo-1');
    expect(await page.evaluate('globalThis.result')).toMatchObject({ id: 'demo-1', status: 'complete' });
    expect(await page.evaluate('globalThis.heard')).toEqual(['queued', 'rendering', 'complete']);
  });

  test('goes on when the network is back', async () => {
    const { stack, page, watch } = await openApp();
    stack.emulator.project('p1', { status: 'queued' });
    await watch('p1');
    await expect.poll(() => page.evaluate('globalThis.heard')).toEqual(['queued']);
    await page.context().setOffline(true);
    // What is open already Chromium leaves open, so the other end breaks it off as a dead network would.
    await stack.service.stop();
    const again = await startStack({
      env: { ...ENV, PORT: new URL(stack.service.publicUrl).port, CORS_ORIGINS: new URL(page.url()).origin },
      beside: stack,
    });
    stack.emulator.project('p1', { status: 'complete' });
    await page.context().setOffline(false);
    expect(await page.evaluate('globalThis.result')).toMatchObject({ status: 'complete' });
    expect(again.service.publicUrl).toBe(stack.service.publicUrl);
  });
});
