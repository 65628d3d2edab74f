import { describe, expect, test } from 'vitest';
import { openEvents } from '../support/event-reader.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

/** Long: windows of what costs begin and end with the clock, and none is to end within a test. */
const WINDOW = { RATE_LIMIT_WINDOW_SECONDS: '86400' };

async function asUser({ client, issuer }: Stack, claims: Readonly<Record<string, unknown>>) {
  const authorization = `Bearer ${await issuer.token(claims)}`;
  return (id: string, headers: Readonly<Record<string, string>> = {}) =>
    client.request(`/v1/image-projects/${id}`, { headers: { authorization, ...headers } });
}

const standingOf = (headers: Headers, policy: string) =>
  Number(new RegExp(`"${policy}"; r=(\\d+)`).exec(headers.get('ratelimit') ?? '')?.[1] ?? Number.NaN);

describe('a tenant’s limit', () => {
  const ENV = { ...WINDOW, AUTH_TENANT_CLAIM: 'org', RATE_LIMIT_TENANT_MAX: '3' };

  test('is shared by its users, and no other tenant’s', async () => {
    const stack = await startStack({ env: ENV });
    const [alice, bob] = [
      await asUser(stack, { sub: 'alice', org: 'acme' }),
      await asUser(stack, { sub: 'bob', org: 'acme' }),
    ];
    const first = await alice('complete-1');
    expect(first.headers.get('ratelimit-policy')).toMatch(
      /^"user"; q=600; w=86400; pk=:[^:]+:, "tenant"; q=3; w=86400; pk=:[^:]+:$/,
    );
    expect(standingOf(first.headers, 'tenant')).toBe(2);
    expect(standingOf(first.headers, 'user')).toBe(599);
    await bob('complete-1');
    await alice('complete-1');
    const refused = await bob('complete-1');
    expect([refused.status, refused.json()]).toEqual([
      429,
      expect.objectContaining({ code: 'rate_limited' }),
    ]);
    expect(refused.headers.get('ratelimit')).toMatch(/"tenant"; r=0; t=\d+$/);
    expect(await stack.metric('rate_limit_rejections_total{policy="tenant"}')).toBe(1);
    for (const claims of [{ sub: 'carol', org: 'other' }, { sub: 'dave' }])
      expect((await (await asUser(stack, claims))('complete-1')).status).toBe(200);
  });

  test('holds for hits that the fast lane answers, too', async () => {
    const stack = await startStack({ env: { ...ENV, RATE_LIMIT_TENANT_MAX: '40' } });
    const alice = await asUser(stack, { sub: 'alice', org: 'acme' });
    const statuses: number[] = [];
    for (let n = 0; n < 42; n += 1) statuses.push((await alice('complete-1')).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(40);
  });
});

describe('a plan’s limit', () => {
  const ENV = { ...WINDOW, AUTH_PLAN_CLAIM: 'plan', RATE_LIMIT_PLANS: 'free=2,pro=5', RATE_LIMIT_MAX: '3' };

  test.each<[string, unknown, string, number]>([
    ['its own', 'free', 'user-free', 2],
    ['its own, a larger one', 'pro', 'user-pro', 5],
    ['that of all, for a plan that nobody knows', 'gold', 'user', 3],
    ['that of all, without a plan', undefined, 'user', 3],
    ['that of all, for what is no name', ['pro'], 'user', 3],
    ['that of all, for a name that every object has', '__proto__', 'user', 3],
  ])('is %s', async (_what, plan, policy, max) => {
    const stack = await startStack({ env: ENV });
    const alice = await asUser(stack, { sub: 'alice', plan });
    const statuses: number[] = [];
    for (let n = 0; n <= max; n += 1) {
      const answer = await alice('complete-1');
      statuses.push(answer.status);
      expect(answer.headers.get('ratelimit-policy')).toContain(`"${policy}"; q=${max}; w=86400`);
    }
    expect(statuses).toEqual([...Array.from({ length: max }, () => 200), 429]);
  });
});

describe('the quota of lookups that reach Magic Hour', () => {
  const ENV = { ...WINDOW, RATE_LIMIT_UPSTREAM_MAX: '2' };

  test('is spent by misses alone', async () => {
    const stack = await startStack({ env: ENV });
    const alice = await asUser(stack, { sub: 'alice' });
    const standings: number[] = [];
    for (const id of ['complete-1', 'complete-1', 'complete-2', 'complete-2', 'complete-1']) {
      const answer = await alice(id);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('ratelimit-policy')).toMatch(
        /"user"; .*, "upstream"; q=2; w=86400; pk=:[^:]+:$/,
      );
      standings.push(standingOf(answer.headers, 'upstream'));
    }
    expect(standings).toEqual([1, 1, 0, 0, 0]);
    const refused = await alice('complete-3');
    expect([refused.status, refused.json()]).toEqual([
      429,
      expect.objectContaining({ code: 'rate_limited' }),
    ]);
    expect(refused.headers.get('ratelimit')).toMatch(/"user"; r=594; t=\d+, "upstream"; r=0; t=\d+$/);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    // What is cached is as before, and others have a quota of their own.
    expect((await alice('complete-1')).status).toBe(200);
    expect((await (await asUser(stack, { sub: 'bob' }))('complete-3')).status).toBe(200);
    expect((await alice('complete-3')).status).toBe(200);
    expect(stack.emulator.count()).toBe(3);
    expect(await stack.metric('rate_limit_rejections_total{policy="upstream"}')).toBe(1);
  });

  test('is spent by one of many who ask at the same time, and who has none left costs the others nothing', async () => {
    const stack = await startStack({ env: { ...ENV, RATE_LIMIT_UPSTREAM_MAX: '1' } });
    const [alice, bob] = [await asUser(stack, { sub: 'alice' }), await asUser(stack, { sub: 'bob' })];
    await alice('complete-1');
    const answers = await Promise.all([
      alice('slow-100-1'),
      bob('slow-100-1'),
      bob('slow-100-1'),
      alice('slow-100-1'),
    ]);
    const statuses = answers.map(({ status }) => status);
    // Who leads is refused where they may not; whoever may, leads then, and all who joined by then are answered.
    expect(statuses.slice(1, 3)).toEqual([200, 200]);
    expect(stack.emulator.count('slow-100-1')).toBe(1);
  });

  test('that is used up keeps nobody else waiting, however often its user asks, here or at another replica', async () => {
    const redis = await startRedisServer();
    try {
      const env = { ...ENV, REDIS_URL: redis.url, RATE_LIMIT_UPSTREAM_MAX: '5' };
      const a = await startStack({ env });
      const b = await startStack({ env, beside: a });
      for (const stack of [a, b]) await eventually(async () => (await stack.metric('redis_up')) === 1);
      const mallory = await asUser(a, { sub: 'mallory' });
      for (let n = 0; n < 6; n += 1) await mallory(`complete-${n}`);
      const flood = Array.from({ length: 300 }, () => mallory('slow-100-1'));
      const others = await Promise.all([
        (await asUser(a, { sub: 'alice' }))('slow-100-1'),
        (await asUser(b, { sub: 'bob' }))('slow-100-1'),
      ]);
      expect(others.map(({ status }) => status)).toEqual([200, 200]);
      await Promise.all(flood);
      expect(a.emulator.count('slow-100-1')).toBe(1);
    } finally {
      await redis.stop();
    }
  });

  test('is not spent while the circuit is open, and what closes it gets through', async () => {
    const clock = createManualClock(Date.now());
    const env = {
      ...ENV,
      RATE_LIMIT_UPSTREAM_MAX: '20',
      UPSTREAM_RETRIES: '0',
      UPSTREAM_BUDGET_MAX: '25',
      UPSTREAM_BUDGET_TENANT_SHARE: '1',
    };
    const stack = await startStack({ env, clock });
    const alice = await asUser(stack, { sub: 'alice' });
    for (let n = 0; n < 60; n += 1)
      expect((await alice(`status-503-${n}`)).status).toBeGreaterThanOrEqual(502);
    expect(await stack.metric('upstream_circuit_open')).toBe(1);
    expect(stack.emulator.count()).toBeLessThan(20);
    await eventually(async () => (await alice('complete-1')).status === 200, 15_000);
  });

  test('is shared by all replicas', async () => {
    const redis = await startRedisServer();
    try {
      const env = { ...ENV, REDIS_URL: redis.url };
      const a = await startStack({ env });
      const b = await startStack({ env, beside: a });
      for (const stack of [a, b]) await eventually(async () => (await stack.metric('redis_up')) === 1);
      const users = [await asUser(a, { sub: 'alice' }), await asUser(b, { sub: 'alice' })];
      const statuses: number[] = [];
      for (let n = 0; n < 4; n += 1) statuses.push((await users[n % 2]?.(`complete-${n}`))?.status ?? 0);
      expect(statuses).toEqual([200, 200, 429, 429]);
    } finally {
      await redis.stop();
    }
  });
});

describe('the budget for the company’s key', () => {
  const ENV = {
    ...WINDOW,
    AUTH_TENANT_CLAIM: 'org',
    UPSTREAM_BUDGET_MAX: '6',
    UPSTREAM_BUDGET_TENANT_SHARE: '0.5',
  };

  test('is used up by no tenant alone', async () => {
    const stack = await startStack({ env: ENV });
    const [alice, amy] = [
      await asUser(stack, { sub: 'alice', org: 'acme' }),
      await asUser(stack, { sub: 'amy', org: 'acme' }),
    ];
    const bob = await asUser(stack, { sub: 'bob', org: 'other' });
    const acme: number[] = [];
    for (let n = 0; n < 10; n += 1) acme.push((await (n % 2 ? alice : amy)(`complete-a${n}`)).status);
    expect(acme).toEqual([200, 200, 200, 429, 429, 429, 429, 429, 429, 429]);
    const refused = await alice('complete-a9');
    expect(refused.headers.get('ratelimit')).toMatch(/, "budget"; r=0; t=\d+$/);
    for (let n = 0; n < 3; n += 1) expect((await bob(`complete-b${n}`)).status).toBe(200);
    expect(await stack.metric('rate_limit_rejections_total{policy="budget_share"}')).toBe(8);
    expect(stack.emulator.count()).toBe(6);
  });

  test('is told to each as their share of it: what is left, whether they paid or not', async () => {
    const stack = await startStack({ env: { ...ENV, RATE_LIMIT_UPSTREAM_MAX: '9' } });
    const alice = await asUser(stack, { sub: 'alice', org: 'acme' });
    const standings: number[] = [];
    for (const id of ['complete-1', 'complete-1', 'complete-1', 'complete-2', 'complete-3', 'complete-1']) {
      const answer = await alice(id);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('ratelimit-policy')).toMatch(
        /^"user"; .*, "upstream"; q=9; .*, "budget"; q=3; w=86400; pk=:[^:]+:$/,
      );
      standings.push(standingOf(answer.headers, 'budget'));
    }
    expect(standings).toEqual([2, 2, 2, 1, 0, 0]);
    // What the share refuses costs the user nothing of their own quota.
    const refused = await alice('complete-4');
    expect([refused.status, standingOf(refused.headers, 'upstream')]).toEqual([429, 6]);
    expect(standingOf((await alice('complete-1')).headers, 'upstream')).toBe(6);
  });

  test('that is empty is nobody’s fault: 503, while all that is cached is answered', async () => {
    const stack = await startStack({ env: { ...ENV, UPSTREAM_BUDGET_TENANT_SHARE: '1' } });
    const alice = await asUser(stack, { sub: 'alice', org: 'acme' });
    for (let n = 0; n < 6; n += 1) expect((await alice(`complete-${n}`)).status).toBe(200);
    const bob = await asUser(stack, { sub: 'bob', org: 'other' });
    const refused = await bob('complete-9');
    expect([refused.status, refused.json()]).toEqual([
      503,
      expect.objectContaining({ code: 'upstream_unavailable' }),
    ]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await bob('complete-1')).status).toBe(200);
    expect(await stack.metric('rate_limit_rejections_total{policy="budget"}')).toBe(1);
    expect(stack.emulator.count()).toBe(6);
  });
});

describe('a poll of what is followed', () => {
  const ENV = {
    ...WINDOW,
    AUTH_TENANT_CLAIM: 'org',
    CACHE_PENDING_TTL_MS: '20',
    WATCH_INTERVAL_MIN_MS: '20',
    WATCH_INTERVAL_MAX_MS: '20',
  };
  const startPolled = (env: Readonly<Record<string, string>>) =>
    startStack({ env: { ...ENV, ...env }, emulator: { queuedMs: 600_000 } });
  const follow = async ({ service, issuer }: Stack, claims: Readonly<Record<string, unknown>>) => {
    const authorization = `Bearer ${await issuer.token(claims)}`;
    const url = `${service.publicUrl}/v1/image-projects/queued-1/events`;
    const stream = await openEvents(url, { authorization });
    await stream.event(0);
    return stream;
  };
  const refused = (stack: Stack) =>
    eventually(async () => (await stack.metric('watch_polls_total{result="refused"}')) > 0);

  test('is at the expense of one of its followers by turns, of their quotas and their tenants’ shares', async () => {
    const stack = await startPolled({ UPSTREAM_BUDGET_MAX: '20', UPSTREAM_BUDGET_TENANT_SHARE: '0.25' });
    const first = await follow(stack, { sub: 'alice', org: 'acme' });
    await refused(stack);
    // One lookup of its reader, and four polls.
    expect(stack.emulator.count('queued-1')).toBe(5);
    expect((await (await asUser(stack, { sub: 'amy', org: 'acme' }))('complete-1')).status).toBe(429);
    // Who follows as well, and has something left, has it polled for both.
    const second = await follow(stack, { sub: 'bob', org: 'other' });
    await eventually(() => stack.emulator.count('queued-1') === 10);
    expect(first.response.destroyed).toBe(false);
    expect(second.response.destroyed).toBe(false);
    expect((await (await asUser(stack, { sub: 'carol', org: 'third' }))('complete-1')).status).toBe(200);
  });

  test('leaves a fifth of the budget to those who look something up', async () => {
    const stack = await startPolled({ UPSTREAM_BUDGET_MAX: '10', UPSTREAM_BUDGET_TENANT_SHARE: '1' });
    const stream = await follow(stack, { sub: 'alice', org: 'acme' });
    await refused(stack);
    expect(stack.emulator.count('queued-1')).toBe(8);
    expect(await stack.metric('watch_polls_total{result="paid"}')).toBe(7);
    const bob = await asUser(stack, { sub: 'bob', org: 'other' });
    expect([(await bob('complete-1')).status, (await bob('complete-2')).status]).toEqual([200, 200]);
    expect(await stack.metric('rate_limit_rejections_total{policy="budget"}')).toBe(0);
    expect((await bob('complete-3')).status).toBe(503);
    expect(stream.response.destroyed).toBe(false);
  });

  test('takes what many streams cost from the user who opened them, and from nobody else', async () => {
    const stack = await startPolled({ RATE_LIMIT_UPSTREAM_MAX: '5' });
    await follow(stack, { sub: 'mallory' });
    await refused(stack);
    expect(stack.emulator.count('queued-1')).toBe(5);
    const mallory = await asUser(stack, { sub: 'mallory' });
    expect((await mallory('complete-1')).status).toBe(429);
    expect((await (await asUser(stack, { sub: 'alice' }))('complete-1')).status).toBe(200);
  });

  test('stands in the headers of the one who waited', async () => {
    const stack = await startPolled({ RATE_LIMIT_UPSTREAM_MAX: '5' });
    const alice = await asUser(stack, { sub: 'alice' });
    const answer = await alice('queued-1', { prefer: 'wait=1' });
    expect(answer.status).toBe(200);
    expect(stack.emulator.count('queued-1')).toBe(5);
    expect(standingOf(answer.headers, 'upstream')).toBe(0);
  });
});
