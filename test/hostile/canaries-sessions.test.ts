import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Canary, findCanaries, type Outlet } from '../support/canaries.ts';
import { PROVIDER_CLIENT } from '../support/identity-provider.ts';
import { type SessionStack, startSessionStack } from '../support/session-stack.ts';
import { eventually } from '../support/stack.ts';
import { createUserAgent, type UserAgent } from '../support/user-agent.ts';

const PROJECT = '/v1/image-projects/complete-1';
const COOKIE = '__Host-Http-session';
const ENCRYPTION_KEY = randomBytes(32).toString('base64url');

/** Each way that what has to do with a session can go; @returns the status that shows that it did. */
const WAYS: ReadonlyArray<
  readonly [what: string, status: number, go: (world: SessionStack, user: UserAgent) => Promise<number>]
> = [
  ['a lookup', 200, async (world, user) => (await world.ask(user, PROJECT)).status],
  ['who is asking', 200, async (world, user) => (await world.ask(user, '/auth/me')).status],
  [
    'a request without its header',
    403,
    async (world, user) => (await user.request(world.stack.service.publicUrl + PROJECT)).status,
  ],
  ['a login that is denied', 303, async (world) => (await logIn(world, createUserAgent(), 'nobody')).status],
  [
    'a login whose tokens the provider can not give',
    303,
    async (world) => {
      world.provider.failTokens(500);
      const { status } = await logIn(world, createUserAgent(), 'dave');
      world.provider.failTokens(undefined);
      return status;
    },
  ],
  [
    'a login that is ended twice',
    400,
    async (world) => {
      const agent = createUserAgent();
      const isBack = (url: string) => url.includes('/auth/callback');
      const page = await agent.follow(`${world.stack.service.publicUrl}/auth/login`);
      const back = await agent.follow(`${page.url}?user=erin`, isBack);
      const callback = back.headers.get('location') ?? '';
      const again = createUserAgent(new Map(agent.cookies));
      await agent.request(callback);
      return (await again.request(callback)).status;
    },
  ],
  [
    'a cookie that is made up',
    401,
    async (world) => {
      const liar = createUserAgent(new Map([[COOKIE, 'x'.repeat(43)]]));
      return (await world.ask(liar, PROJECT)).status;
    },
  ],
  [
    'a logout token that is none',
    400,
    async ({ stack, provider }) => {
      const body = new URLSearchParams({ logout_token: provider.given[0] ?? '' });
      const { publicUrl } = stack.service;
      return (await fetch(`${publicUrl}/auth/backchannel-logout`, { method: 'POST', body })).status;
    },
  ],
  [
    'a logout',
    200,
    async (world, user) => (await world.ask(user, '/auth/logout?everywhere=true', { method: 'POST' })).status,
  ],
  [
    'Redis away',
    503,
    async (world) => {
      await world.redis.kill();
      const stranger = createUserAgent(new Map([[COOKIE, 'y'.repeat(43)]]));
      return (await world.ask(stranger, PROJECT)).status;
    },
  ],
];

async function logIn(world: SessionStack, agent: UserAgent, user: string) {
  const page = await agent.follow(`${world.stack.service.publicUrl}/auth/login?return_to=/app`);
  return agent.follow(`${page.url}?user=${user}`, (url) => url.startsWith(`${world.baseUrl}/app`));
}

test('no secret of a session comes out, whatever becomes of it: in answers, logs, metrics or Redis', async () => {
  const world = await startSessionStack({
    // Exchanged once at the least.
    provider: { accessTokenSeconds: 3 },
    env: { SESSION_ENCRYPTION_KEYS: ENCRYPTION_KEY, LOG_LEVEL: 'trace' },
  });
  const users = [await world.login('alice'), await world.login('bob')];
  const [alice, bob] = users;
  if (alice === undefined || bob === undefined) throw new Error('no users');
  const cookies = users.map(({ cookies: held }) => held.get(COOKIE) ?? '');
  const atFirst = world.provider.given.length;
  await eventually(async () => {
    await world.ask(bob, '/auth/me');
    return world.provider.given.length > atFirst;
  }, 15_000);

  const outlets: Outlet[] = [];
  const ended: string[] = [];
  const spiedOn = { ...world, ask: spy(world.ask) };
  for (const [what, , go] of WAYS) {
    ended.push(`${what}: ${await go(spiedOn, alice)}`);
    if (what === 'who is asking') {
      for (const [key, text] of await world.redis.contents()) outlets.push({ where: key, text: key + text });
    }
  }
  expect(ended).toEqual(WAYS.map(([what, status]) => `${what}: ${status}`));
  const pages = await Promise.all(['/', '/metrics', '/readyz'].map((path) => world.stack.ops.request(path)));
  for (const { body } of pages) outlets.push({ where: 'the ops listener', text: body.toString() });
  for (const line of world.stack.logs()) outlets.push({ where: line, text: line });

  const secrets: Canary[] = [
    { name: "the client's secret", value: PROVIDER_CLIENT.secret },
    { name: 'the key', value: ENCRYPTION_KEY },
    ...cookies.map((value) => ({ name: 'a cookie', value })),
    // Of a JWT its claims may be known; it is the signature that makes a token.
    ...world.provider.given.map((token) => ({ name: 'a token', value: token.split('.').at(-1) ?? '' })),
  ];
  expect(secrets.every(({ value }) => value.length > 20)).toBe(true);
  expect(outlets.length).toBeGreaterThan(30);
  expect(findCanaries(secrets, outlets)).toEqual([]);
  // It would find them.
  const found = { where: 'here', text: `${cookies[0]} ${world.provider.given.at(-1)}` };
  expect(findCanaries(secrets, [found]).length).toBeGreaterThanOrEqual(2);

  function spy(ask: SessionStack['ask']): SessionStack['ask'] {
    return async (...asked) => {
      const answer = await ask(...asked);
      const text = [answer.status, JSON.stringify([...answer.headers]), answer.text].join('\n');
      outlets.push({ where: `the answer to ${asked[1]}`, text });
      return answer;
    };
  }
});
