import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startIdentityProvider } from '../support/identity-provider.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { startServiceProcess } from '../support/service-process.ts';
import { sessionSettings, startSessionStack } from '../support/session-stack.ts';
import { eventually, startStack } from '../support/stack.ts';
import { createUserAgent, type UserAgent } from '../support/user-agent.ts';

const PROJECT = '/v1/image-projects/complete-1';
const copyOf = ({ cookies }: UserAgent) => createUserAgent(new Map(cookies));

/** Its access tokens live ten minutes by the service's clock, which the test moves. */
async function startTimed(options: Parameters<typeof startSessionStack>[0] = {}) {
  const clock = createManualClock(Date.now());
  // An opaque one ends by what the provider said of it, and the provider's own clock stands still for the test.
  const world = await startSessionStack({
    ...options,
    clock,
    provider: { accessTokens: 'opaque', ...options.provider },
  });
  return { ...world, clock };
}

describe('the access token of a session', () => {
  test('is exchanged ahead of its end, while its user notices nothing', async () => {
    const world = await startTimed();
    const agent = await world.login();
    expect(world.provider.count('/token')).toBe(1);
    world.clock.advance(530_000);
    expect((await world.ask(agent, PROJECT)).status).toBe(200);
    expect(world.provider.count('/token')).toBe(1);
    world.clock.advance(20_000);
    expect((await world.ask(agent, PROJECT)).status).toBe(200);
    await eventually(
      async () => (await world.stack.metric('session_refreshes_total{result="refreshed"}')) === 1,
    );
    expect(world.provider.count('/token')).toBe(2);
    world.clock.advance(500_000);
    expect((await world.ask(agent, PROJECT)).status).toBe(200);
    expect(world.provider.count('/token')).toBe(2);
  });

  test('is exchanged at its end, too, for who comes back later, and once for all of their tabs at all replicas', async () => {
    const world = await startTimed();
    const other = await startStack({ env: world.env, beside: world.stack, clock: world.clock });
    await eventually(async () => (await other.metric('redis_up')) === 1);
    const agent = await world.login();
    // Each time with a refresh token of its own: one that came twice would end the grant.
    for (let round = 1; round <= 5; round += 1) {
      world.clock.advance(3_600_000);
      const tabs = Array.from({ length: 12 }, (_, n) => {
        const { publicUrl } = n % 2 ? world.stack.service : other.service;
        return copyOf(agent).request(publicUrl + PROJECT, { headers: { 'X-CSRF': '1' } });
      });
      const answers = await Promise.all(tabs);
      expect(answers.map(({ status, text }) => (status === 200 ? 200 : text))).toEqual(tabs.map(() => 200));
      expect(world.provider.count('/token')).toBe(1 + round);
    }
  });

  test('that can not be exchanged any more ends the session', async () => {
    const world = await startTimed();
    const agent = await world.login();
    await world.provider.revokeAll();
    world.clock.advance(700_000);
    const refused = await world.ask(copyOf(agent), PROJECT);
    expect([refused.status, refused.json()]).toEqual([
      401,
      expect.objectContaining({ code: 'token_expired' }),
    ]);
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect((await world.ask(agent, PROJECT)).json()).toMatchObject({ code: 'token_invalid' });
    expect(await world.redis.keys('mhbff:v1:session:*')).toEqual([]);
    expect(await world.stack.metric('session_refreshes_total{result="ended"}')).toBe(1);
    expect((await world.ask(await world.login(), PROJECT)).status).toBe(200);
  });

  test('is the session’s end, where the provider gives no refresh token', async () => {
    const world = await startTimed({ provider: { refreshTokens: false } });
    const agent = await world.login();
    world.clock.advance(590_000);
    expect((await world.ask(agent, PROJECT)).status).toBe(200);
    world.clock.advance(20_000);
    expect((await world.ask(agent, PROJECT)).json()).toMatchObject({ code: 'token_expired' });
  });

  test('goes on to be good while the provider is away, and then it is 503, never entry and never the session’s end', async () => {
    const world = await startTimed();
    const agent = await world.login();
    await world.provider.down();
    world.clock.advance(570_000);
    expect((await world.ask(agent, PROJECT)).status).toBe(200);
    await eventually(
      async () => (await world.stack.metric('session_refreshes_total{result="unavailable"}')) === 1,
    );
    world.clock.advance(60_000);
    for (let n = 0; n < 3; n += 1) {
      const refused = await world.ask(agent, PROJECT);
      expect([refused.status, refused.json()]).toEqual([
        503,
        expect.objectContaining({ code: 'authentication_unavailable' }),
      ]);
      expect(refused.headers.get('retry-after')).toBe('1');
    }
    await world.provider.up();
    await eventually(async () => (await world.ask(agent, PROJECT)).status === 200);
    expect(world.stack.logs().some((line) => line.includes('session_refresh_failed'))).toBe(true);
  });

  test.each([429, 500, 503])('is not given up for a provider that answers %i for a while', async (status) => {
    const world = await startTimed();
    const agent = await world.login();
    world.provider.failTokens(status);
    world.clock.advance(700_000);
    expect((await world.ask(agent, PROJECT)).status).toBe(503);
    world.provider.failTokens(undefined);
    await eventually(async () => (await world.ask(agent, PROJECT)).status === 200);
  });

  test('that comes for a session that was ended meanwhile is not kept', async () => {
    const world = await startTimed();
    const agent = await world.login();
    world.clock.advance(550_000);
    // It is under way in the background while the user logs out.
    const release = world.provider.holdTokens();
    expect((await world.ask(copyOf(agent), PROJECT)).status).toBe(200);
    await eventually(() => world.provider.count('/token') === 2);
    expect((await world.ask(copyOf(agent), '/auth/logout', { method: 'POST' })).status).toBe(200);
    await eventually(() => world.provider.count('/token/revocation') === 1);
    release();
    await eventually(async () => (await world.redis.keys('mhbff:v1:session:*:refresh')).length === 0);
    // What it brought is worth nothing: the new refresh token was given back as well.
    expect(world.provider.count('/token/revocation')).toBe(2);
    expect((await world.ask(copyOf(agent), PROJECT)).status).toBe(401);
    expect(await world.redis.keys('mhbff:v1:session:*')).toEqual([]);
  });
});

describe.each<[string, (redis: { kill(): Promise<void>; pause(): void }) => Promise<void> | void]>([
  ['killed', (redis) => redis.kill()],
  ['paused', (redis) => redis.pause()],
])('while Redis is %s', (how, lose) => {
  test('cookies are 503, tokens work as before, and sessions are there again with Redis', async () => {
    const world = await startSessionStack();
    const [agent, token] = [await world.login(), await world.provider.clientToken()];
    expect((await world.ask(agent, PROJECT)).status).toBe(200);
    const tokens = world.provider.count('/token');
    await lose(world.redis);
    for (const [method, path] of [
      ['GET', PROJECT],
      ['GET', `${PROJECT}/events`],
      ['GET', '/auth/me'],
      ['POST', '/auth/logout'],
    ] as const) {
      const refused = await world.ask(agent, path, { method });
      expect([path, refused.status]).toEqual([path, 503]);
      expect(refused.json()).toMatchObject({ code: 'authentication_unavailable' });
      expect(refused.headers.get('retry-after')).toBe('1');
      // It may be good again in a moment.
      expect(refused.headers.getSetCookie()).toEqual([]);
    }
    const authorization = `Bearer ${token}`;
    const bearer = await agent.request(world.stack.service.publicUrl + PROJECT, {
      headers: { authorization },
    });
    expect(bearer.status).toBe(200);
    // A login begins without Redis, and ends where the page can say what happened.
    const other = createUserAgent();
    const page = await other.follow(`${world.stack.service.publicUrl}/auth/login?return_to=/app?tab=1`);
    expect(page.status).toBe(200);
    const back = await other.follow(`${page.url}?user=bob`, (url) => url.startsWith(`${world.baseUrl}/app`));
    expect(back.headers.get('location')).toBe(
      `${world.baseUrl}/app?tab=1&auth_error=temporarily_unavailable`,
    );
    expect(world.provider.count('/token')).toBe(tokens);
    world.redis.resume();
    if (how === 'killed') {
      await world.redis.restart();
      // It kept nothing.
      await eventually(async () => (await world.ask(copyOf(agent), PROJECT)).status === 401);
    } else await eventually(async () => (await world.ask(agent, PROJECT)).status === 200);
  });
});

/** Has a process believe that it is another time. */
const withClockOff = (seconds: number) => `
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) { super(...(given.length === 0 ? [RealDate.now() + ${seconds * 1000}] : given)); }
  static now() { return RealDate.now() + ${seconds * 1000}; }
};`;

test.each([45, -45])('a service whose clock is %i s off lets users log in', async (seconds) => {
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  const [provider, redis] = await Promise.all([startIdentityProvider({ baseUrl }), startRedisServer()]);
  onTestFinished(() => Promise.all([provider.close(), redis.stop()]).then(() => undefined));
  const service = await startServiceProcess({
    ...sessionSettings(provider, redis, baseUrl),
    PORT: `${port}`,
    MAGIC_HOUR_API_KEY: 'mhk_1',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(withClockOff(seconds))}`,
  });
  onTestFinished(async () => {
    service.kill('SIGKILL');
    await service.exited;
  });
  await eventually(() => service.lines.some((line) => line.includes('redis_connected')));
  const agent = createUserAgent();
  const page = await agent.follow(`${baseUrl}/auth/login`);
  const back = await agent.follow(
    `${page.url}?user=alice`,
    (url) => url.startsWith(`${baseUrl}/?`) || url === `${baseUrl}/`,
  );
  expect(back.headers.get('location')).toBe(`${baseUrl}/`);
  const me = await agent.request(`${baseUrl}/auth/me`, { headers: { 'X-CSRF': '1' } });
  expect(me.json()).toMatchObject({ subject: 'alice' });
});
