import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { buildClient } from '../../scripts/client-build.ts';
import { startBrowser } from '../support/browser.ts';
import { createCertificateAuthority } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { hostileReturnTo } from '../support/hostile-return-to.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { type SessionStack, type SessionStackOptions, startSessionStack } from '../support/session-stack.ts';
import { type Site, startSite } from '../support/site.ts';
import { eventually } from '../support/stack.ts';
import { createUserAgent } from '../support/user-agent.ts';

const [APP, UI, EVIL, OTHER] = [
  'app.example.test',
  'ui.example.test',
  'evil.example.test',
  'other-site.test',
];
const NAMES = [APP, UI, EVIL, OTHER].map((name) => `DNS:${name}`).join(',');
const PROJECT = '/v1/image-projects/complete-1';
const COOKIE = '__Host-Http-session';
const PAGE = '<!doctype html><title>A page</title><p>A page.</p>';

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser('--host-resolver-rules=MAP *.test 127.0.0.1');
});
afterAll(() => browser.close());

interface World extends SessionStack {
  readonly site: Site;
  readonly context: BrowserContext;
  origin(host: string): string;
  /** A browser of its own. */
  newContext(): Promise<BrowserContext>;
}

/** The service behind TLS, with pages of its own origin, of a sibling that is allowed, of one that is not, and of another site. */
async function startWorld(options: SessionStackOptions = {}): Promise<World> {
  const port = await freePort();
  const origin = (host: string) => `https://${host}:${port}`;
  const world = await startSessionStack({
    ...options,
    baseUrl: origin(APP),
    env: { CORS_ORIGINS: origin(UI), ...options.env },
  });
  const authority = await createCertificateAuthority();
  const certificate = await authority.issue({ names: NAMES });
  const site = await startSite(certificate, APP, () => world.stack.service.publicUrl, PAGE, port);
  const newContext = () => browser.newContext({ ignoreHTTPSErrors: true });
  const context = await newContext();
  onTestFinished(async () => {
    await context.close();
    await site.close();
    await authority.remove();
  });
  return { ...world, site, context, origin, newContext };
}

/** Logs in at the provider's own page, as its user does. */
async function logIn({ origin }: World, page: Page, user = 'alice', returnTo = '/app'): Promise<void> {
  await page.goto(`${origin(APP)}/auth/login?return_to=${encodeURIComponent(returnTo)}`);
  // The provider may know this browser already.
  if (!page.url().startsWith(origin(APP))) {
    await page.getByLabel('User').fill(user);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }
  await page.waitForURL(origin(APP) + returnTo);
}

interface Asked {
  readonly method?: string;
  readonly mode?: 'no-cors';
  readonly headers?: Record<string, string>;
}

/** What a script of the page gets for a request; -1 where it is not let read it. */
function statusOf(page: Page, url: string, init: Asked = { headers: { 'X-CSRF': '1' } }): Promise<number> {
  return page.evaluate(
    async ([address, given]) => {
      try {
        return (await fetch(address, { credentials: 'include', ...given })).status;
      } catch {
        return -1;
      }
    },
    [url, init] as const,
  );
}

/** How a stream of events begins for a script of the page. */
function openStream(page: Page, url: string): Promise<string> {
  return page.evaluate(
    (address) =>
      new Promise<string>((resolve) => {
        const stream = new EventSource(address, { withCredentials: true });
        const end = (how: string) => {
          stream.close();
          resolve(how);
        };
        stream.addEventListener('status', (event) => {
          const data: unknown = Reflect.get(event, 'data');
          end(JSON.parse(String(data)).status);
        });
        stream.onerror = () => end('refused');
      }),
    url,
  );
}

const sessionOf = async (context: BrowserContext) =>
  (await context.cookies()).filter(({ name }) => name.startsWith('__Host-Http-'));

describe('in a real browser', () => {
  test('a login leads to the provider and back to the page that was asked for, with a cookie that no script reads', async () => {
    const world = await startWorld();
    const page = await world.context.newPage();
    await logIn(world, page, 'alice', '/projects?tab=mine#third');
    const cookies = await sessionOf(world.context);
    expect(cookies).toEqual([
      expect.objectContaining({
        name: COOKIE,
        domain: APP,
        path: '/',
        httpOnly: true,
        secure: true,
        sameSite: 'Strict',
        expires: -1,
      }),
    ]);
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })')).toBe('{}');
    expect(await statusOf(page, '/auth/me')).toBe(200);
    expect(await statusOf(page, PROJECT)).toBe(200);
    expect(await statusOf(page, PROJECT, {})).toBe(403);
    expect(await openStream(page, `${PROJECT}/events`)).toBe('complete');
    // No token passed the browser: not in what it was sent to, nor in what it got.
    expect(world.site.seen.filter((line) => line.includes('/token'))).toEqual([]);
  });

  test('a page without a session is told 401, goes to log in, and comes back', async () => {
    const world = await startWorld();
    const page = await world.context.newPage();
    await page.goto(`${world.origin(APP)}/app`);
    expect(await statusOf(page, PROJECT)).toBe(401);
    await logIn(world, page);
    expect(await statusOf(page, PROJECT)).toBe(200);
  });

  test('two tabs log in at the same time, and both end where they began', async () => {
    const world = await startWorld();
    const [one, two] = [await world.context.newPage(), await world.context.newPage()];
    await one.goto(`${world.origin(APP)}/auth/login?return_to=/one`);
    await two.goto(`${world.origin(APP)}/auth/login?return_to=/two`);
    for (const tab of [two, one]) {
      await tab.getByLabel('User').fill('alice');
      await tab.getByRole('button', { name: 'Sign in' }).click();
      await tab.waitForURL(`${world.origin(APP)}/${tab === one ? 'one' : 'two'}`);
    }
    for (const tab of [one, two]) expect(await statusOf(tab, PROJECT)).toBe(200);
    expect(await sessionOf(world.context)).toHaveLength(1);
  });

  test('the access token is exchanged again and again while two tabs go on asking, and neither notices', async () => {
    const world = await startWorld({ provider: { accessTokenSeconds: 3 } });
    const [one, two] = [await world.context.newPage(), await world.context.newPage()];
    await logIn(world, one);
    await two.goto(`${world.origin(APP)}/app`);
    const seen = new Set<number>();
    await eventually(async () => {
      const statuses = await Promise.all(
        [one, two].flatMap((tab) => [statusOf(tab, PROJECT), statusOf(tab, '/auth/me')]),
      );
      for (const status of statuses) seen.add(status);
      return world.provider.count('/token') >= 4;
    }, 15_000);
    expect([...seen]).toEqual([200]);
  });

  test('a stolen cookie is worth nothing once its owner logs out', async () => {
    const world = await startWorld();
    const page = await world.context.newPage();
    await logIn(world, page);
    const thief = await world.newContext();
    onTestFinished(() => thief.close());
    await thief.addCookies(await sessionOf(world.context));
    const theirs = await thief.newPage();
    await theirs.goto(`${world.origin(APP)}/app`);
    expect(await statusOf(theirs, PROJECT)).toBe(200);
    const out = await page.evaluate(async () => {
      const answer = await fetch('/auth/logout', { method: 'POST', headers: { 'X-CSRF': '1' } });
      return String(Reflect.get(Object(await answer.json()), 'logout_url'));
    });
    expect(await statusOf(theirs, PROJECT)).toBe(401);
    expect(await sessionOf(world.context)).toEqual([]);
    // And at the provider, as the page decides.
    await page.goto(out);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${world.origin(APP)}/`);
    await page.goto(`${world.origin(APP)}/auth/login`);
    await expect.poll(() => page.getByLabel('User').count()).toBe(1);
  });

  test('who signs out at the provider is signed out here', async () => {
    const world = await startWorld();
    const page = await world.context.newPage();
    await logIn(world, page);
    const elsewhere = await world.context.newPage();
    await elsewhere.goto(`${world.provider.issuer}/session/end`);
    await elsewhere.getByRole('button', { name: 'Sign out' }).click();
    await expect.poll(() => statusOf(page, PROJECT)).toBe(401);
  });

  test('logging out everywhere ends the sessions of all of the user’s browsers, and nobody else’s', async () => {
    const world = await startWorld();
    const pages: Page[] = [];
    for (const user of ['alice', 'alice', 'bob']) {
      const context = await world.newContext();
      onTestFinished(() => context.close());
      const page = await context.newPage();
      await logIn(world, page, user);
      pages.push(page);
    }
    const [here, elsewhere, bobs] = pages;
    if (here === undefined || elsewhere === undefined || bobs === undefined) throw new Error('no pages');
    const everywhere = { method: 'POST', headers: { 'X-CSRF': '1' } };
    expect(await statusOf(here, '/auth/logout?everywhere=true', everywhere)).toBe(200);
    expect(await statusOf(here, PROJECT)).toBe(401);
    expect(await statusOf(elsewhere, PROJECT)).toBe(401);
    expect(await statusOf(bobs, PROJECT)).toBe(200);
  });

  test('a refresh token that has ended is a 401, and the page sends its user to log in again', async () => {
    const world = await startWorld({ provider: { accessTokenSeconds: 3, refreshTokenSeconds: 1 } });
    const page = await world.context.newPage();
    await logIn(world, page);
    await expect.poll(() => statusOf(page, PROJECT), { timeout: 15_000 }).toBe(401);
    expect(await world.stack.metric('session_refreshes_total{result="ended"}')).toBe(1);
    expect(await world.redis.keys('mhbff:v1:session:*')).toEqual([]);
    await logIn(world, page);
    expect(await statusOf(page, PROJECT)).toBe(200);
  });

  test.each([45_000, -45_000])(
    'a service whose clock is %i ms off logs in, exchanges tokens, and hears of the provider’s logout',
    async (offMs) => {
      const clock = createManualClock(Date.now() + offMs);
      const world = await startWorld({ clock });
      const page = await world.context.newPage();
      await logIn(world, page);
      expect(await statusOf(page, PROJECT)).toBe(200);
      await page.goto(`${world.provider.issuer}/session/end`);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.goto(`${world.origin(APP)}/app`);
      await expect.poll(() => statusOf(page, PROJECT)).toBe(401);
      await logIn(world, page);
      const tokens = world.provider.count('/token');
      clock.advance(555_000 - offMs);
      expect(await statusOf(page, PROJECT)).toBe(200);
      await expect.poll(() => world.provider.count('/token')).toBe(tokens + 1);
      expect(await statusOf(page, PROJECT)).toBe(200);
    },
  );

  test('no hostile page to return to is gone to, and no login begins for one', async () => {
    const world = await startWorld({ env: { RATE_LIMIT_IP_MAX: '100000' } });
    const page = await world.context.newPage();
    const login = `${world.origin(APP)}/auth/login?return_to=`;
    const corpus = hostileReturnTo(new URL(world.origin(APP)).host);
    expect(new Set(corpus).size).toBeGreaterThanOrEqual(100);
    for (const hostile of corpus) {
      const answer = await page.goto(login + encodeURIComponent(hostile));
      expect([hostile, answer?.status(), page.url().startsWith(login)]).toEqual([hostile, 400, true]);
    }
    expect(await sessionOf(world.context)).toEqual([]);
  });

  test('a session that was planted before the login is not the one after it', async () => {
    const world = await startWorld();
    const planted = 'p'.repeat(43);
    await world.context.addCookies([
      {
        name: COOKIE,
        value: planted,
        url: world.origin(APP),
        secure: true,
        httpOnly: true,
        sameSite: 'Strict',
      },
    ]);
    const page = await world.context.newPage();
    await logIn(world, page);
    const [cookie] = await sessionOf(world.context);
    expect(cookie?.value).not.toBe(planted);
  });
});

describe('the client, in a page whose user has a session', () => {
  test.each([APP, UI])('follows a project from %s to its end', async (host) => {
    await buildClient();
    const source = await readFile(new URL('../../client/dist/index.js', import.meta.url), 'base64');
    const env = { CACHE_PENDING_TTL_MS: '50', WATCH_INTERVAL_MIN_MS: '50' };
    const world = await startWorld({ env, emulator: { queuedMs: 200, renderingMs: 200 } });
    await logIn(world, await world.context.newPage());
    const page = await world.context.newPage();
    await page.goto(`${world.origin(host)}/`);
    // In words: what stands here as code Vite would take its import() from.
    const statuses = await page.evaluate(`(async () => {
      const { watchProject } = await import('data:text/javascript;base64,${source}');
      const heard = [];
      const onStatus = ({ status }) => heard.push(status);
      await watchProject('demo-1', { baseUrl: '${world.origin(APP)}', session: true, onStatus });
      return heard;
    })()`);
    expect(statuses).toEqual(['queued', 'rendering', 'complete']);
  });
});

describe('from a page of another origin', () => {
  test('that is allowed and of the same site, requests and streams work as from its own', async () => {
    const world = await startWorld();
    await logIn(world, await world.context.newPage());
    const page = await world.context.newPage();
    await page.goto(`${world.origin(UI)}/`);
    expect(await statusOf(page, world.origin(APP) + PROJECT)).toBe(200);
    expect(await openStream(page, `${world.origin(APP)}${PROJECT}/events`)).toBe('complete');
    expect(
      await statusOf(page, `${world.origin(APP)}/auth/logout`, {
        method: 'POST',
        headers: { 'X-CSRF': '1' },
      }),
    ).toBe(200);
    expect(await statusOf(page, world.origin(APP) + PROJECT)).toBe(401);
  });

  test.each([EVIL, OTHER])(
    '%s that is not, nothing is done and nothing is read in the user’s name',
    async (host) => {
      const world = await startWorld();
      const own = await world.context.newPage();
      await logIn(world, own);
      const page = await world.context.newPage();
      await page.goto(`${world.origin(host)}/`);
      const target = world.origin(APP);
      // With a script: read, with the header, without it, blindly.
      expect(await statusOf(page, target + PROJECT)).toBe(-1);
      expect(await statusOf(page, target + PROJECT, {})).toBe(-1);
      expect(await statusOf(page, `${target}/auth/me`, {})).toBe(-1);
      expect(await openStream(page, `${target}${PROJECT}/events`)).toBe('refused');
      // Not only did the browser keep the answers from the page: nothing was answered. (With the header it did not even ask; for
      // another site it brings no cookie.)
      const reason = host === EVIL ? 'csrf_required' : 'token_missing';
      expect(await world.stack.metric(`authentication_failures_total{reason="${reason}"}`)).toBe(3);
      await statusOf(page, `${target}/auth/logout`, { method: 'POST', mode: 'no-cors' });
      await statusOf(page, `${target}/auth/logout`, { method: 'POST', headers: { 'X-CSRF': '1' } });
      // As a form, and as what a page shows.
      const form = await world.context.newPage();
      await form.goto(`${world.origin(host)}/`);
      await form.setContent(
        `<form method="post" action="${target}/auth/logout?everywhere=true"><button>Go</button></form>`,
      );
      await Promise.all([form.waitForURL(`${target}/**`), form.getByRole('button').click()]);
      await page.setContent(
        `<img src="${target}/auth/login"><iframe src="${target}/auth/login"></iframe><script src="${target}${PROJECT}"></script>`,
      );
      await expect
        .poll(() => world.site.seen.filter((line) => line === `GET ${APP} /auth/login`).length)
        .toBeGreaterThan(2);

      expect(await statusOf(own, PROJECT)).toBe(200);
      expect((await sessionOf(world.context)).map(({ name }) => name)).toEqual([COOKIE]);
      expect(await world.stack.metric('session_endings_total{how="logout"}')).toBe(0);
      expect(await world.stack.metric('session_endings_total{how="everywhere"}')).toBe(0);
    },
  );

  test('nobody is logged in as somebody else', async () => {
    const world = await startWorld();
    // The attacker's own login, up to where it would end.
    const mallory = createUserAgent();
    const atProvider = await mallory.follow(`${world.stack.service.publicUrl}/auth/login`);
    const isBack = (url: string) => url.startsWith(`${world.origin(APP)}/auth/callback`);
    const callback =
      (await mallory.follow(`${atProvider.url}?user=mallory`, isBack)).headers.get('location') ?? '';
    expect(callback).toContain('code=');

    const page = await world.context.newPage();
    await page.goto(`${world.origin(EVIL)}/`);
    await page.setContent(`<a href="${callback.replaceAll('&', '&amp;')}">Win</a>`);
    await Promise.all([
      page.waitForURL(`${world.origin(APP)}/auth/callback**`),
      page.getByRole('link').click(),
    ]);
    expect(await page.textContent('body')).toContain('invalid_request');
    expect(await sessionOf(world.context)).toEqual([]);
  });
});
