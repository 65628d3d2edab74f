import { describe, expect, test } from 'vitest';
import { createReturnTo } from '../../src/sessions/return-to.ts';
import { hostileReturnTo } from '../support/hostile-return-to.ts';
import { startSessionStack } from '../support/session-stack.ts';
import { eventually } from '../support/stack.ts';
import { createUserAgent } from '../support/user-agent.ts';

const COOKIE = '__Host-Http-session';
const loginUrl = (base: string, returnTo: string) =>
  `${base}/auth/login?return_to=${encodeURIComponent(returnTo)}`;

describe('a login', () => {
  test('goes to the provider with PKCE, state and nonce, and no secret', async () => {
    const { stack, provider, baseUrl } = await startSessionStack({
      env: { SESSION_AUTHORIZATION_PARAMETERS: 'prompt=consent,ui_locales=de' },
    });
    const agent = createUserAgent();
    const begun = await agent.request(`${stack.service.publicUrl}/auth/login`);
    expect([begun.status, begun.headers.get('cache-control')]).toEqual([303, 'no-store']);
    const url = new URL(begun.headers.get('location') ?? '');
    expect(url.origin).toBe(provider.issuer);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: 'magic-hour-bff',
      response_type: 'code',
      redirect_uri: `${baseUrl}/auth/callback`,
      scope: 'openid offline_access',
      prompt: 'consent',
      ui_locales: 'de',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
  });

  test.each(['/', '/app/projects?tab=mine&x=%2F#part', '/a//b', '/v1x'])(
    'leads back to %s, the page that was asked for',
    async (returnTo) => {
      const { stack, baseUrl } = await startSessionStack();
      const agent = createUserAgent();
      const isBack = (url: string) => url.startsWith(`${baseUrl}/`) && !url.includes('/auth/callback');
      const page = await agent.follow(loginUrl(stack.service.publicUrl, returnTo));
      const back = await agent.follow(`${page.url}?user=alice`, isBack);
      expect(back.status).toBe(303);
      expect(back.headers.get('location')).toBe(baseUrl + returnTo);
    },
  );

  test('leads back to an allowed page of another origin, too', async () => {
    const { stack } = await startSessionStack({ env: { CORS_ORIGINS: 'https://ui.example' } });
    const agent = createUserAgent();
    const page = await agent.follow(loginUrl(stack.service.publicUrl, 'https://ui.example/projects'));
    const back = await agent.follow(`${page.url}?user=alice`, (url) => url.startsWith('https://ui.example'));
    expect(back.headers.get('location')).toBe('https://ui.example/projects');
  });

  test('is refused with a clear error where it would lead anywhere else, before anything is begun', async () => {
    const { stack, provider } = await startSessionStack({ env: { RATE_LIMIT_IP_MAX: '100000' } });
    const { host } = new URL(stack.service.publicUrl);
    // This service has no TLS of its own here.
    const corpus = hostileReturnTo(host).filter((each) => each !== `http://${host}/`);
    expect(new Set(corpus).size).toBeGreaterThanOrEqual(100);
    const agent = createUserAgent();
    for (const hostile of corpus) {
      const refused = await agent.request(loginUrl(stack.service.publicUrl, hostile));
      expect([hostile, refused.status, refused.headers.get('location')]).toEqual([hostile, 400, null]);
      expect(refused.json()).toMatchObject({ code: 'invalid_parameter' });
    }
    const twice = await agent.request(`${stack.service.publicUrl}/auth/login?return_to=/a&return_to=/b`);
    expect(twice.status).toBe(400);
    expect(agent.cookies.size).toBe(0);
    expect(provider.count('/.well-known/openid-configuration')).toBeLessThanOrEqual(1);
  });

  test('is not led astray by anything where this service has a name, either', () => {
    const returnTo = createReturnTo('https://app.example', ['https://ui.example']);
    for (const hostile of hostileReturnTo('app.example'))
      expect([hostile, returnTo(hostile)]).toEqual([hostile, undefined]);
    expect(returnTo(undefined)).toBe('https://app.example/');
    expect(returnTo('/a b')).toBeUndefined();
    expect(returnTo('https://app.example:443/x')).toBe('https://app.example/x');
    expect(returnTo('/%2F%2Fevil.example')).toBe('https://app.example/%2F%2Fevil.example');
  });

  test('that the user refuses leads back, and says so', async () => {
    const { stack, baseUrl } = await startSessionStack();
    const agent = createUserAgent();
    const page = await agent.follow(loginUrl(stack.service.publicUrl, '/app?x=1'));
    const back = await agent.follow(`${page.url}?user=nobody`, (url) => url.startsWith(`${baseUrl}/app`));
    expect(back.headers.get('location')).toBe(`${baseUrl}/app?x=1&auth_error=access_denied`);
    expect([...agent.cookies.keys()].filter((name) => name.startsWith('__Host-'))).toEqual([]);
    expect(await stack.metric('session_logins_total{result="refused"}')).toBe(1);
  });

  test('in two tabs at once ends in both, each where it began', async () => {
    const { stack, baseUrl, ask } = await startSessionStack();
    const agent = createUserAgent();
    const [one, two] = [
      await agent.follow(loginUrl(stack.service.publicUrl, '/one')),
      await agent.follow(loginUrl(stack.service.publicUrl, '/two')),
    ];
    const toApp = (url: string) => url.startsWith(`${baseUrl}/one`) || url.startsWith(`${baseUrl}/two`);
    const second = await agent.follow(`${two.url}?user=alice`, toApp);
    expect(second.headers.get('location')).toBe(`${baseUrl}/two`);
    const first = await agent.follow(`${one.url}?user=alice`, toApp);
    expect(first.headers.get('location')).toBe(`${baseUrl}/one`);
    expect((await ask(agent, '/auth/me')).status).toBe(200);
  });

  test.each(['image', 'iframe', 'script', 'empty'])(
    'is begun by a navigation, and by no %s of a page',
    async (destination) => {
      const { stack } = await startSessionStack();
      const agent = createUserAgent();
      const url = `${stack.service.publicUrl}/auth/login`;
      expect((await agent.request(url, { headers: { 'sec-fetch-dest': destination } })).status).toBe(400);
      expect(agent.cookies.size).toBe(0);
      expect((await agent.request(url, { headers: { 'sec-fetch-dest': 'document' } })).status).toBe(303);
      expect((await agent.request(url, { method: 'HEAD' })).status).toBe(405);
    },
  );

  test('that is begun again and again leaves no more than five cookies', async () => {
    const { stack } = await startSessionStack();
    const agent = createUserAgent();
    for (let n = 0; n < 12; n += 1) await agent.request(`${stack.service.publicUrl}/auth/login`);
    expect(agent.cookies.size).toBe(5);
  });

  test.each<[string, (callback: URL) => void]>([
    ['another state', (url) => url.searchParams.set('state', 'x'.repeat(43))],
    ['no state', (url) => url.searchParams.delete('state')],
    ['a state that is too short', (url) => url.searchParams.set('state', 'x')],
    ['two states', (url) => url.searchParams.append('state', 'x'.repeat(43))],
  ])('does not end with %s', async (_what, change) => {
    const { stack, baseUrl } = await startSessionStack();
    const agent = createUserAgent();
    const page = await agent.follow(loginUrl(stack.service.publicUrl, '/app'));
    const callback = await agent.follow(`${page.url}?user=alice`, (url) =>
      url.startsWith(`${baseUrl}/auth/callback`),
    );
    const url = new URL(callback.headers.get('location') ?? '');
    change(url);
    const refused = await agent.request(url.href);
    expect(refused.status).toBe(400);
    expect(agent.cookies.has(COOKIE)).toBe(false);
  });

  test('does not end in another browser than it began in, nor twice', async () => {
    const { stack, provider, baseUrl, login } = await startSessionStack();
    const agent = createUserAgent();
    const page = await agent.follow(loginUrl(stack.service.publicUrl, '/app'));
    const callback = await agent.follow(`${page.url}?user=mallory`, (url) =>
      url.startsWith(`${baseUrl}/auth/callback`),
    );
    const url = callback.headers.get('location') ?? '';
    // Login CSRF: the victim's browser is to be logged in as the attacker.
    for (const victim of [createUserAgent(), await login('alice')]) {
      const before = victim.cookies.get(COOKIE);
      expect((await victim.request(url)).status).toBe(400);
      expect(victim.cookies.get(COOKIE)).toBe(before);
    }
    const cookies = new Map(agent.cookies);
    expect((await agent.request(url)).status).toBe(303);
    // With the cookie that the first time deleted; the provider is not told of it, since it would end what it gave.
    const again = createUserAgent(cookies);
    const asked = provider.count('/token');
    expect((await again.request(url)).status).toBe(400);
    expect(provider.count('/token')).toBe(asked);
    expect(again.cookies.has(COOKIE)).toBe(false);
    const lines = stack.logs().filter((line) => line.includes('login_failed'));
    expect(lines).not.toEqual([]);
    expect(stack.logs().join('')).not.toMatch(/code=|mallory|state=/);
  });

  test('from another issuer than the configured one is not believed (RFC 9207)', async () => {
    const { stack, baseUrl } = await startSessionStack();
    const agent = createUserAgent();
    const page = await agent.follow(loginUrl(stack.service.publicUrl, '/app'));
    const callback = await agent.follow(`${page.url}?user=alice`, (url) =>
      url.startsWith(`${baseUrl}/auth/callback`),
    );
    const url = new URL(callback.headers.get('location') ?? '');
    url.searchParams.set('iss', 'https://evil.example');
    expect((await agent.request(url.href)).headers.get('location')).toBe(
      `${baseUrl}/app?auth_error=login_failed`,
    );
    expect(agent.cookies.has(COOKIE)).toBe(false);
  });

  test('while the provider is away is 503, and works once it is back', async () => {
    const { stack, provider, login, ask } = await startSessionStack();
    await provider.down();
    const agent = createUserAgent();
    const refused = await agent.request(`${stack.service.publicUrl}/auth/login`);
    expect([refused.status, refused.json()]).toEqual([
      503,
      expect.objectContaining({ code: 'authentication_unavailable' }),
    ]);
    expect(refused.headers.get('retry-after')).toBe('1');
    const asked = provider.count('/.well-known/openid-configuration');
    await provider.up();
    // It is left alone for a moment.
    expect((await agent.request(`${stack.service.publicUrl}/auth/login`)).status).toBe(503);
    expect(provider.count('/.well-known/openid-configuration')).toBe(asked);
    await eventually(
      async () => (await agent.request(`${stack.service.publicUrl}/auth/login`)).status === 303,
      10_000,
    );
    expect((await ask(await login(), '/auth/me')).status).toBe(200);
  });

  test('by a provider whose token endpoint fails leads back, and says so', async () => {
    const { stack, provider, baseUrl } = await startSessionStack();
    const agent = createUserAgent();
    const page = await agent.follow(loginUrl(stack.service.publicUrl, '/app'));
    provider.failTokens(503);
    const back = await agent.follow(`${page.url}?user=alice`, (url) => url.startsWith(`${baseUrl}/app`));
    expect(back.headers.get('location')).toBe(`${baseUrl}/app?auth_error=temporarily_unavailable`);
    expect(await stack.metric('session_logins_total{result="unavailable"}')).toBe(1);
  });

  test('without the scope that all must have brings no session', async () => {
    const { stack, baseUrl, provider } = await startSessionStack({
      env: { AUTH_REQUIRED_SCOPE: 'images:read' },
    });
    const agent = createUserAgent();
    const page = await agent.follow(loginUrl(stack.service.publicUrl, '/app'));
    const back = await agent.follow(`${page.url}?user=alice`, (url) => url.startsWith(`${baseUrl}/app`));
    expect(back.headers.get('location')).toBe(`${baseUrl}/app?auth_error=insufficient_scope`);
    expect(agent.cookies.has(COOKIE)).toBe(false);
    // What the provider gave for it is given back.
    await eventually(() => provider.count('/token/revocation') === 1);
  });

  test('asks for the scopes that are configured, and the user has them', async () => {
    const { login, ask } = await startSessionStack({
      env: { AUTH_REQUIRED_SCOPE: 'images:read', SESSION_SCOPES: 'openid offline_access images:read' },
    });
    expect((await ask(await login(), '/auth/me')).json()).toMatchObject({ scopes: ['images:read'] });
  });
});
