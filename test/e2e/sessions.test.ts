import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { createRedisOwners } from '../../src/access/redis-owners.ts';
import { userKeyOf } from '../../src/auth/principal.ts';
import { loggedUser } from '../../src/request-log.ts';
import { openEvents } from '../support/event-reader.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { openGuard } from '../support/open-guard.ts';
import { type SessionStack, startSessionStack } from '../support/session-stack.ts';
import { eventually, startStack } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createUserAgent, type UserAgent } from '../support/user-agent.ts';

const COOKIE = '__Host-Http-session';
const PROJECT = '/v1/image-projects/complete-1';
const key = () => randomBytes(32).toString('base64url');

/** The same cookies in other hands. */
const copyOf = ({ cookies }: UserAgent) => createUserAgent(new Map(cookies));
const codeOf = ({ text }: { text: string }): unknown => JSON.parse(text).code;

async function seesProject({ ask }: SessionStack, agent: UserAgent): Promise<void> {
  const lookup = await ask(agent, PROJECT);
  expect(lookup.status, lookup.text).toBe(200);
}

describe('a browser session', () => {
  test('is had by logging in, and asks in its user’s name', async () => {
    const world = await startSessionStack({ env: { SESSION_SCOPES: 'openid profile email' } });
    const agent = await world.login('alice');
    const me = await world.ask(agent, '/auth/me');
    expect(me.json()).toEqual({
      subject: 'alice',
      issuer: world.provider.issuer,
      tenant: 'acme',
      scopes: [],
      name: 'alice Example',
      email: 'alice@example.com',
      session_ends_at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    await seesProject(world, agent);
    expect(await world.stack.metric('session_logins_total{result="succeeded"}')).toBe(1);
  });

  test('lets its page wait and follow, and look projects of all kinds up', async () => {
    const world = await startSessionStack();
    const agent = await world.login();
    for (const path of [PROJECT, '/v1/video-projects/complete-1', '/v1/audio-projects/complete-1'])
      expect((await world.ask(agent, path)).status).toBe(200);
    const stream = await openEvents(`${world.stack.service.publicUrl}${PROJECT}/events`, {
      cookie: `${COOKIE}=${agent.cookies.get(COOKIE)}`,
      'sec-fetch-site': 'same-origin',
    });
    await stream.ended;
    expect(stream.events).toHaveLength(1);
  });

  test('is the same user as by a token, in logs and in limits', async () => {
    const world = await startSessionStack({ env: { RATE_LIMIT_MAX: '2' } });
    const [first, second] = [await world.login('alice'), await world.login('alice')];
    expect((await world.ask(first, PROJECT)).status).toBe(200);
    expect((await world.ask(second, PROJECT)).status).toBe(200);
    expect((await world.ask(first, PROJECT)).status).toBe(429);
    expect((await world.ask(await world.login('bob'), PROJECT)).status).toBe(200);
    const users = world.stack.logs().flatMap((line) => JSON.parse(line).user ?? []);
    expect(users).toContain(loggedUser(userKeyOf(world.provider.issuer, 'alice')));
    expect(new Set(users).size).toBe(2);
    // However much a page has asked for, its user gets out.
    expect((await world.ask(first, '/auth/logout', { method: 'POST' })).status).toBe(200);
  });

  test('is one by an access token that only the provider can read, too', async () => {
    const world = await startSessionStack({ provider: { accessTokens: 'opaque' } });
    const agent = await world.login('carol');
    expect((await world.ask(agent, '/auth/me')).json()).toMatchObject({ subject: 'carol', tenant: 'acme' });
    await seesProject(world, agent);
  });

  test('sees what its user owns and nothing else, where ACCESS_POLICY is owner', async () => {
    const world = await startSessionStack({ env: { ACCESS_POLICY: 'owner' } });
    const [alice, bob] = [await world.login('alice'), await world.login('bob')];
    expect((await world.ask(alice, PROJECT)).status).toBe(404);
    const client = new Redis(world.redis.url);
    const owners = createRedisOwners({ client, guard: openGuard, keyPrefix: 'mhbff:', ttlMs: 0 });
    await owners.assign('image', 'complete-1', {
      issuer: world.provider.issuer,
      owner: 'alice',
      tenant: undefined,
    });
    client.disconnect();
    expect((await world.ask(alice, PROJECT)).status).toBe(200);
    expect((await world.ask(bob, PROJECT)).status).toBe(404);
  });

  test('has a cookie that nobody else gets at, and no token in the browser', async () => {
    const world = await startSessionStack();
    const agent = await world.login();
    const lines = agent.setCookies.filter((line) => line.startsWith('__Host-Http-'));
    expect(lines.map((line) => line.replace(/=[^;]*/, '=…'))).toEqual([
      expect.stringMatching(
        /^__Host-Http-login-[\w-]{16}=…; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=600$/,
      ),
      expect.stringMatching(
        /^__Host-Http-login-[\w-]{16}=…; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=0$/,
      ),
      `${COOKIE}=…; Path=/; Secure; HttpOnly; SameSite=Strict`,
    ]);
    const own = [...agent.cookies].filter(([name]) => name.startsWith('__Host-Http-'));
    expect(own).toEqual([[COOKIE, expect.stringMatching(/^[\w-]{43}$/)]]);
  });

  test('is known to Redis only by what lets nobody in and tells nobody anything', async () => {
    const world = await startSessionStack();
    const agent = await world.login();
    const secret = agent.cookies.get(COOKIE) ?? '';
    const entries = await world.redis.contents('*session*');
    expect(entries.size).toBeGreaterThan(1);
    for (const text of [...entries].flat()) {
      expect(text).not.toContain(secret);
      // Of a JWT there would be its head.
      expect(text.replace(/eyJ[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+/, '')).not.toMatch(/eyJ|alice|acme/);
    }
    // Whoever takes the content of one for another's finds it unreadable.
    const bob = await world.login('bob');
    const [mine, others] = await Promise.all(
      [secret, bob.cookies.get(COOKIE) ?? ''].map(async (each) => {
        const { hash } = await import('node:crypto');
        return `mhbff:v1:session:{${hash('sha256', each, 'base64url')}}`;
      }),
    );
    await world.redis.command('SET', mine ?? '', String(await world.redis.command('GET', others ?? '')));
    expect((await world.ask(agent, '/auth/me')).status).toBe(401);
  });

  test('is nobody’s without its cookie, with half of one, two of them or one that was made up', async () => {
    const world = await startSessionStack();
    const secret = (await world.login()).cookies.get(COOKIE) ?? '';
    const ask = (cookie: string) =>
      fetch(world.stack.service.publicUrl + PROJECT, { headers: { cookie, 'x-csrf': '1' } });
    for (const value of ['', secret.slice(1), `${secret}x`, key(), secret.toUpperCase(), `"${secret}"`]) {
      const refused = await ask(`${COOKIE}=${value}`);
      expect([value, refused.status]).toEqual([value, 401]);
    }
    for (const cookies of [
      `${COOKIE}=${secret}; ${COOKIE}=${secret}`,
      `${COOKIE}=${key()}; ${COOKIE}=${secret}`,
      `${COOKIE.toLowerCase()}=${secret}`,
      `x${COOKIE}=${secret}`,
    ])
      expect((await ask(cookies)).status).toBe(401);
    expect((await ask(`other=1; ${COOKIE}=${secret}; x`)).status).toBe(200);
  });
});

describe('a request with the cookie', () => {
  test('needs X-CSRF: 1, which the stream need not have', async () => {
    const world = await startSessionStack();
    const agent = await world.login();
    const ask = (path: string, headers: Record<string, string>, method = 'GET') =>
      agent.request(world.stack.service.publicUrl + path, { headers, method });
    for (const path of [PROJECT, '/auth/me', `${PROJECT}/events`])
      for (const headers of [
        {},
        { 'x-csrf': '' },
        { 'x-csrf': '0' },
        { 'x-csrf': '1, 1' },
        { 'x-csrf': 'true' },
      ]) {
        const refused = await ask(path, headers);
        expect([refused.status, codeOf(refused)]).toEqual([403, 'csrf_required']);
      }
    expect((await ask('/auth/logout', {}, 'POST')).status).toBe(403);
    const fetchMetadata = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' };
    expect((await ask(PROJECT, fetchMetadata)).status).toBe(403);
    expect((await ask(`${PROJECT}/events`, { 'x-csrf': '1' })).status).toBe(200);
    expect(await world.stack.metric('authentication_failures_total{reason="csrf_required"}')).toBe(17);
  });

  test.each<[string, Record<string, string>, number]>([
    ['a page of its own origin', { 'sec-fetch-site': 'same-origin' }, 200],
    [
      'a page of an origin that is allowed',
      { 'sec-fetch-site': 'same-site', origin: 'https://ui.example' },
      200,
    ],
    ['an older browser there', { origin: 'https://ui.example' }, 200],
    ['a sibling that is not', { 'sec-fetch-site': 'same-site', origin: 'https://evil.example' }, 403],
    ['a sibling without an origin', { 'sec-fetch-site': 'same-site' }, 403],
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://ui.example' }, 403],
    ['the address bar', { 'sec-fetch-site': 'none' }, 403],
    ['no browser', {}, 403],
    ['an origin that is none', { origin: 'null', 'sec-fetch-site': 'same-site' }, 403],
  ])('for a stream is answered to %s by what browsers say of themselves', async (_who, headers, status) => {
    const world = await startSessionStack({ env: { CORS_ORIGINS: 'https://ui.example' } });
    const agent = await world.login();
    const url = `${world.stack.service.publicUrl}${PROJECT}/events`;
    expect((await agent.request(url, { headers })).status).toBe(status);
  });

  test('of a token, too, is decided by the token alone', async () => {
    const world = await startSessionStack();
    const agent = await world.login();
    const url = world.stack.service.publicUrl + PROJECT;
    const refused = await agent.request(url, {
      headers: { authorization: 'Bearer no-token', 'x-csrf': '1' },
    });
    expect([refused.status, codeOf(refused)]).toEqual([401, 'token_invalid']);
    expect(refused.headers.getSetCookie()).toEqual([]);
  });

  test('is never sent anywhere: the page decides what a 401 means', async () => {
    const world = await startSessionStack();
    const nobody = createUserAgent();
    for (const [method, path] of [
      ['GET', PROJECT],
      ['GET', `${PROJECT}/events`],
      ['GET', '/auth/me'],
      ['POST', '/auth/logout'],
    ] as const) {
      const refused = await world.ask(nobody, path, { method });
      expect([path, refused.status, codeOf(refused)]).toEqual([path, 401, 'token_missing']);
      expect(refused.headers.get('location')).toBeNull();
    }
  });

  test('across origins, of one that is allowed, may be read by its page', async () => {
    const world = await startSessionStack({ env: { CORS_ORIGINS: 'https://ui.example' } });
    const agent = await world.login();
    const read = await world.ask(agent, PROJECT, { headers: { origin: 'https://ui.example' } });
    expect(read.headers.get('access-control-allow-credentials')).toBe('true');
    expect(read.headers.get('access-control-allow-origin')).toBe('https://ui.example');
    const preflight = await agent.request(world.stack.service.publicUrl + PROJECT, {
      method: 'OPTIONS',
      headers: { origin: 'https://ui.example', 'access-control-request-method': 'GET' },
    });
    expect(preflight.headers.get('access-control-allow-headers')).toContain('X-CSRF');
    const foreign = await world.ask(agent, PROJECT, { headers: { origin: 'https://evil.example' } });
    expect(foreign.headers.get('access-control-allow-credentials')).toBeNull();
  });
});

describe('a session that is ended', () => {
  test('by logging out, lets nobody in any more who has its cookie, at no replica', async () => {
    const world = await startSessionStack();
    const other = await startStack({ env: world.env, beside: world.stack });
    await eventually(async () => (await other.metric('redis_up')) === 1);
    const agent = await world.login();
    const thief = copyOf(agent);
    expect((await world.ask(thief, PROJECT)).status).toBe(200);
    const out = await world.ask(agent, '/auth/logout', { method: 'POST' });
    expect(out.status).toBe(200);
    expect(out.headers.getSetCookie()).toEqual([
      `${COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0`,
    ]);
    expect(agent.cookies.has(COOKIE)).toBe(false);
    for (const { publicUrl } of [world.stack.service, other.service]) {
      const refused = await copyOf(thief).request(publicUrl + PROJECT, { headers: { 'X-CSRF': '1' } });
      expect([refused.status, codeOf(refused)]).toEqual([401, 'token_invalid']);
    }
    expect(await world.redis.keys('mhbff:v1:session:*')).toEqual([]);
    await eventually(() => world.provider.count('/token/revocation') === 1);
  });

  test('says where it can be ended at the provider, with no token in that', async () => {
    const world = await startSessionStack();
    const agent = await world.login();
    const out = await world.ask(agent, '/auth/logout', { method: 'POST' });
    const { logout_url: url } = JSON.parse(out.text);
    expect(url).toContain(`${world.provider.issuer}/session/end?`);
    expect(url).not.toMatch(/id_token|eyJ/);
    expect((await agent.follow(url)).status).toBe(200);
  });

  test('everywhere, is ended in all browsers of its user, and in nobody else’s', async () => {
    const world = await startSessionStack();
    const [here, there, bob] = [await world.login(), await world.login(), await world.login('bob')];
    const out = await world.ask(here, '/auth/logout?everywhere=true', { method: 'POST' });
    expect(out.status).toBe(200);
    expect((await world.ask(copyOf(here), PROJECT)).status).toBe(401);
    expect((await world.ask(there, PROJECT)).status).toBe(401);
    expect((await world.ask(bob, PROJECT)).status).toBe(200);
    expect(await world.stack.metric('session_endings_total{how="everywhere"}')).toBe(2);
  });

  test('by the provider, as its user signs out there, is ended here', async () => {
    const world = await startSessionStack();
    const [agent, otherBrowser] = [await world.login(), await world.login()];
    // At the provider's own page.
    const page = await agent.follow(`${world.provider.issuer}/session/end`);
    const xsrf = /name="xsrf" value="(\w+)"/.exec(page.text)?.[1] ?? '';
    await agent.request(`${world.provider.issuer}/session/end/confirm`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
    });
    await eventually(async () => (await world.ask(copyOf(agent), PROJECT)).status === 401);
    // It named the one session.
    expect((await world.ask(otherBrowser, PROJECT)).status).toBe(200);
    expect(await world.stack.metric('session_endings_total{how="provider"}')).toBe(1);
  });

  test('tells its stream and its waiting page nothing more', async () => {
    const env = { CACHE_PENDING_TTL_MS: '50', WATCH_INTERVAL_MIN_MS: '50' };
    const world = await startSessionStack({ env, emulator: { queuedMs: 600_000 } });
    const agent = await world.login();
    const cookie = `${COOKIE}=${agent.cookies.get(COOKIE)}`;
    const path = '/v1/image-projects/queued-1';
    const stream = await openEvents(`${world.stack.service.publicUrl}${path}/events`, {
      cookie,
      'x-csrf': '1',
    });
    await stream.event(0);
    const waiting = world.ask(copyOf(agent), path, { headers: { prefer: 'wait=30' } });
    await eventually(() => world.stack.emulator.count('queued-1') > 1);
    await world.ask(agent, '/auth/logout', { method: 'POST' });
    world.stack.emulator.project('queued-1', { status: 'complete' });
    await stream.ended;
    expect(stream.events).toHaveLength(1);
    expect((await waiting).status).toBe(401);
  });

  test('after its time is over, however much it is used', async () => {
    const clock = createManualClock(Date.now());
    const env = { SESSION_MAX_SECONDS: '300', SESSION_IDLE_SECONDS: '200' };
    const world = await startSessionStack({ clock, env, provider: { accessTokens: 'opaque' } });
    const agent = await world.login();
    for (let n = 0; n < 2; n += 1) {
      clock.advance(149_000);
      expect((await world.ask(agent, PROJECT)).status).toBe(200);
    }
    clock.advance(2001);
    expect((await world.ask(agent, PROJECT)).json()).toMatchObject({ code: 'token_expired' });
  });

  test('logging in again ends the session of before, in the same browser', async () => {
    const world = await startSessionStack();
    const agent = await world.login();
    const before = copyOf(agent);
    expect((await world.ask(before, PROJECT)).status).toBe(200);
    await world.login('alice', agent);
    expect((await world.ask(before, PROJECT)).status).toBe(401);
    expect((await world.ask(agent, PROJECT)).status).toBe(200);
  });

  test('logging in gives a secret of its own each time, whatever cookie was there before', async () => {
    const world = await startSessionStack();
    const planted = key();
    const agent = createUserAgent(new Map([[COOKIE, planted]]));
    await world.login('alice', agent);
    const first = agent.cookies.get(COOKIE);
    expect(first).not.toBe(planted);
    const thief = createUserAgent(new Map([[COOKIE, planted]]));
    expect((await world.ask(thief, PROJECT)).status).toBe(401);
    await world.login('alice', agent);
    expect(agent.cookies.get(COOKIE)).not.toBe(first);
  });
});

describe('keys that sessions are encrypted with', () => {
  test('rotate in their file without anybody being logged out, until the old one is taken away', async () => {
    const file = `${await temporaryFolder()}/keys`;
    const [old, next] = [key(), key()];
    await writeFile(file, `${old}\n`);
    const world = await startSessionStack({ env: { SESSION_ENCRYPTION_KEYS_FILE: file } });
    const before = await world.login('alice');
    await writeFile(file, `${next}\n${old}\n`);
    await eventually(async () => {
      const [name = ''] = (await world.redis.keys('mhbff:v1:session:*')).slice(-1);
      await world.login('bob');
      const kids = await Promise.all(
        (await world.redis.keys('mhbff:v1:session:*')).map(async (each) => {
          const [head = ''] = String(await world.redis.command('GET', each)).split('.');
          return JSON.parse(Buffer.from(head, 'base64url').toString()).kid;
        }),
      );
      return name !== '' && new Set(kids).size === 2;
    }, 10_000);
    expect((await world.ask(before, PROJECT)).status).toBe(200);
    await writeFile(file, 'no key');
    await eventually(() => world.stack.logs().some((line) => line.includes('session_secret_file_unusable')));
    expect((await world.ask(before, PROJECT)).status).toBe(200);
    await writeFile(file, `${next}\n`);
    await eventually(async () => (await world.ask(copyOf(before), PROJECT)).status === 401, 10_000);
  });
});
