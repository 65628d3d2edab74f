import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { userKeyOf } from '../../src/auth/principal.ts';
import { type EventName, LOG_EVENTS, type LogEvent } from '../../src/log-events.ts';
import { loggedUser } from '../../src/request-log.ts';
import { freePort } from '../support/free-port.ts';
import { startIntrospectingIssuer } from '../support/introspecting-issuer.ts';
import { parseLogLine } from '../support/log-conformance.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { registryClient } from '../support/registry-client.ts';
import { runServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { startSessionStack } from '../support/session-stack.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';
import { startTraced } from '../support/traced-stack.ts';
import { signedHeaders, WEBHOOK_SECRET } from '../support/webhook-sender.ts';

const SETTINGS = {
  MAGIC_HOUR_API_KEY: 'mhk_1',
  AUTH_ISSUER: 'http://127.0.0.1:1',
  AUTH_AUDIENCE: 'bff',
  REDIS_URL: 'redis://127.0.0.1:1',
};

const told = new Set<EventName>();

/** What was logged, less the lines of requests; and what all lines have in common is looked at. */
function eventsOf(lines: readonly string[]) {
  const parsed = lines.map(parseLogLine);
  for (const { event } of parsed) told.add(event);
  return parsed.flatMap(({ time, service, version, level, msg, ...rest }) =>
    rest.event === 'request' ? [] : [rest],
  );
}

const linesOf = (stack: Stack, ...names: EventName[]) =>
  eventsOf(stack.logs()).filter(({ event }) => names.includes(event));

async function temporaryFile(content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'log-events-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'file'), content);
  return join(folder, 'file');
}

async function startProcess(env: Readonly<Record<string, string>>) {
  const service = await startServiceProcess({ ...SETTINGS, ...env });
  onTestFinished(async () => {
    service.kill('SIGKILL');
    await service.exited;
  });
  return service;
}

/** Code that runs in the service's process, as a defect in a dependency would. */
const withCode = (code: string) => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`,
});

describe('one line tells of', () => {
  test('the life of a process', async () => {
    const service = await startProcess({ REDIS_URL: '', RATE_LIMIT_MX: '7' });
    await fetch(`${service.opsUrl}/cache/image-projects/a`, { method: 'DELETE' });
    await fetch(`${service.publicUrl}/v1/image-projects/a`);
    service.kill('SIGTERM');
    await service.exited;
    const events = eventsOf(service.lines).filter(({ event }) => event !== 'issuer_keys_failed');
    expect(events).toEqual([
      { event: 'unknown_setting', variable: 'RATE_LIMIT_MX' },
      { event: 'redis_not_configured' },
      { event: 'access_open_to_all_users' },
      { event: 'ready', public: service.publicUrl, ops: service.opsUrl },
      { event: 'project_purged', kind: 'image' },
      { event: 'stopping', signal: 'SIGTERM' },
      { event: 'stopped', finished: true },
    ]);
  });

  test('an end that is cut short', async () => {
    const service = await startProcess({ SHUTDOWN_DELAY_SECONDS: '15' });
    service.kill('SIGTERM');
    await eventually(async () => (await fetch(`${service.opsUrl}/readyz`)).status === 503);
    service.kill('SIGINT');
    await service.exited;
    expect(eventsOf(service.lines).slice(-2)).toEqual([
      { event: 'stopping', signal: 'SIGTERM' },
      { event: 'second_signal', signal: 'SIGINT' },
    ]);
  });

  test('a bad configuration', async () => {
    const { lines } = await runServiceProcess({ ...SETTINGS, MAGIC_HOUR_API_KEY: '', PORT: '99999' });
    expect(eventsOf(lines)).toEqual([
      {
        event: 'configuration_invalid',
        variables: ['PORT', 'MAGIC_HOUR_API_KEY'],
        faults: [
          'PORT: must be at most 65535',
          'MAGIC_HOUR_API_KEY: is required (or MAGIC_HOUR_API_KEY_FILE)',
        ],
      },
    ]);
  });

  test('a port that is taken, be it by the other listener', async () => {
    const port = String(await freePort());
    const { code, lines } = await runServiceProcess({ ...SETTINGS, PORT: port, OPS_PORT: port });
    expect(code).toBe(70);
    expect(eventsOf(lines).at(-1)).toEqual({
      event: 'could_not_listen',
      listener: 'ops',
      address: `127.0.0.1:${port}`,
      code: 'EADDRINUSE',
    });
  });

  test('a start that fails as nobody foresaw', async () => {
    const broken = withCode(`
      process.getBuiltinModule('http').createServer = () => { throw new TypeError(process.env.MAGIC_HOUR_API_KEY) };
      process.getBuiltinModule('module').syncBuiltinESMExports();`);
    const { code, lines } = await runServiceProcess({ ...SETTINGS, ...broken });
    expect(code).toBe(70);
    expect(eventsOf(lines).at(-1)).toMatchObject({ event: 'could_not_start', error: { name: 'TypeError' } });
    expect(lines.join()).not.toContain(SETTINGS.MAGIC_HOUR_API_KEY);
  });

  test('a defect', async () => {
    const service = await startProcess(
      withCode(`process.on('SIGUSR2', () => { throw new RangeError(process.env.MAGIC_HOUR_API_KEY) })`),
    );
    service.kill('SIGUSR2');
    await service.exited;
    expect(eventsOf(service.lines).at(-1)).toMatchObject({ event: 'defect', error: { name: 'RangeError' } });
  });

  test('a lost Redis, with why, and of one that is there again', async () => {
    const redis = await startRedisServer();
    onTestFinished(redis.stop);
    const stack = await startStack({ env: { REDIS_URL: redis.url } });
    const up = async () => (await stack.metric('redis_up')) === 1;
    await eventually(up);
    redis.pause();
    await stack.lookup('complete-1');
    await eventually(async () => !(await up()));
    redis.resume();
    await eventually(up);
    expect(linesOf(stack, 'redis_connected', 'redis_went_away')).toEqual([
      { event: 'redis_connected' },
      { event: 'redis_went_away', reason: 'timeout', count: 1 },
      { event: 'redis_connected' },
    ]);
    await redis.kill();
    await stack.lookup('complete-2');
    await eventually(async () => !(await up()));
    // The second time in a minute is only counted.
    expect(linesOf(stack, 'redis_went_away')).toHaveLength(1);
  });

  test('a Redis that takes no connections, with why', async () => {
    const redis = await startRedisServer();
    onTestFinished(redis.stop);
    const stack = await startStack({ env: { REDIS_URL: redis.url } });
    await eventually(async () => (await stack.metric('redis_up')) === 1);
    await redis.kill();
    await stack.lookup('complete-2');
    await eventually(() => linesOf(stack, 'redis_unreachable').length > 0);
    expect(linesOf(stack, 'redis_unreachable')).toContainEqual({
      event: 'redis_unreachable',
      reason: 'ECONNREFUSED',
    });
    expect(stack.logs().join()).not.toContain('"at":');
  });

  test('a rejected key, however often it is rejected, and of one that is accepted again', async () => {
    const path = await temporaryFile('mhk_old');
    const stack = await startStack({ env: { MAGIC_HOUR_API_KEY: '', MAGIC_HOUR_API_KEY_FILE: path } });
    stack.emulator.setApiKeys(['mhk_new']);
    for (let n = 0; n < 20; n++) expect((await stack.lookup(`complete-${n}`)).status).toBe(502);
    const names = ['upstream_key_rejected', 'upstream_key_accepted', 'upstream_key_file_unusable'] as const;
    expect(linesOf(stack, ...names)).toEqual([{ event: 'upstream_key_rejected', status: 401, count: 1 }]);

    await writeFile(path, 'two words');
    await stack.lookup('complete-1');
    await writeFile(path, 'mhk_new');
    expect((await stack.lookup('complete-1')).status).toBe(200);
    expect(linesOf(stack, ...names).slice(1)).toEqual([
      {
        event: 'upstream_key_file_unusable',
        variable: 'MAGIC_HOUR_API_KEY_FILE',
        reason: expect.stringContaining('not usable'),
        count: 1,
      },
      { event: 'upstream_key_rejected', status: 401, count: expect.any(Number) },
      { event: 'upstream_key_accepted' },
    ]);
    expect(stack.logs().join()).not.toMatch(/mhk_|"at":/);
  });

  test('logins, and sessions that end', async () => {
    const file = await temporaryFile('the-secret-of-the-client-of-the-test');
    const env = { SESSION_CLIENT_SECRET: '', SESSION_CLIENT_SECRET_FILE: file };
    const clock = createManualClock(Date.now());
    const world = await startSessionStack({ env, clock, provider: { accessTokens: 'opaque' } });
    const { stack, provider } = world;
    const [alice, elsewhere] = [await world.login(), await world.login()];
    await alice.request(`${stack.service.publicUrl}/auth/callback?state=${'x'.repeat(43)}&code=1`);
    const page = await elsewhere.follow(`${provider.issuer}/session/end`);
    await elsewhere.request(`${provider.issuer}/session/end/confirm`, {
      method: 'POST',
      body: new URLSearchParams({
        xsrf: /name="xsrf" value="(\w+)"/.exec(page.text)?.[1] ?? '',
        logout: 'yes',
      }),
    });
    await eventually(() => linesOf(stack, 'sessions_ended_by_provider').length > 0);
    provider.failTokens(503);
    clock.advance(590_000);
    await world.ask(alice, '/auth/me');
    await eventually(() => linesOf(stack, 'session_refresh_failed').length > 0);
    await world.ask(alice, '/auth/logout', { method: 'POST' });
    await writeFile(file, ' ');
    await eventually(() => linesOf(stack, 'session_secret_file_unusable').length > 0);
    const names = [
      'session_keys_derived',
      'sessions_without_tls',
      'login_failed',
      'session_refresh_failed',
      'sessions_ended',
      'sessions_ended_by_provider',
      'session_secret_file_unusable',
    ] as const;
    expect(linesOf(stack, ...names)).toEqual([
      { event: 'session_keys_derived' },
      { event: 'sessions_without_tls' },
      { event: 'login_failed', reason: 'unknown_login', count: 1 },
      { event: 'sessions_ended_by_provider', ended: 1 },
      { event: 'session_refresh_failed', reason: expect.any(String), count: 1 },
      {
        event: 'sessions_ended',
        how: 'logout',
        ended: 1,
        user: loggedUser(userKeyOf(provider.issuer, 'alice')),
      },
      {
        event: 'session_secret_file_unusable',
        variable: 'SESSION_CLIENT_SECRET_FILE',
        reason: expect.stringContaining('not usable'),
        count: 1,
      },
    ]);
    expect(stack.logs().join('')).not.toMatch(/the-secret-of|code=|eyJ|alice/);
  });

  test('owners, and users who try ids', async () => {
    const stack = await startStack({ env: { RATE_LIMIT_NOT_FOUND_MAX: '1' } });
    const registry = await registryClient(stack);
    await registry.put({ id: 'p1' }, { owner: 'alice' });
    for (const id of ['no-1', 'no-2', 'no-3']) await stack.lookup(id);
    const names = ['access_open_to_all_users', 'owner_changed', 'enumeration_suspected'] as const;
    const keyOf = (subject: string) => loggedUser(userKeyOf(stack.issuer.issuer, subject));
    expect(linesOf(stack, ...names)).toEqual([
      { event: 'access_open_to_all_users' },
      {
        event: 'owner_changed',
        change: 'assigned',
        kind: 'image',
        project: 'p1',
        owner: keyOf('alice'),
        by: keyOf('a-backend'),
        request_id: expect.any(String),
      },
      { event: 'enumeration_suspected', user: keyOf('alice') },
    ]);
  });

  test('whose a project may be, where Redis is given it and does not reply', async () => {
    const redis = await startRedisServer();
    onTestFinished(async () => {
      redis.resume();
      await redis.stop();
    });
    const stack = await startStack({ env: { REDIS_URL: redis.url } });
    await eventually(async () => (await stack.metric('redis_up')) === 1);
    redis.pause();
    expect((await (await registryClient(stack)).release({ id: 'p1' })).status).toBe(503);
    expect(linesOf(stack, 'owner_change_uncertain')).toEqual([
      {
        event: 'owner_change_uncertain',
        change: 'released',
        kind: 'image',
        project: 'p1',
        by: loggedUser(userKeyOf(stack.issuer.issuer, 'a-backend')),
        request_id: expect.any(String),
      },
    ]);
  });

  test('webhooks that are refused, and of a file with their secret that can not be used', async () => {
    const path = await temporaryFile(WEBHOOK_SECRET);
    const stack = await startStack({ env: { WEBHOOK_SECRET_FILE: path } });
    const body = '{"type":"test.event"}';
    const send = (secret: string) =>
      stack.client.request('/webhooks/magic-hour', {
        method: 'POST',
        body,
        headers: signedHeaders(body, { secret }),
      });
    for (let n = 0; n < 20; n++) expect((await send('whsec_other')).status).toBe(401);
    expect((await send(WEBHOOK_SECRET)).status).toBe(200);
    await writeFile(path, 'short');
    const names = ['webhook_refused', 'webhook_secret_file_unusable'] as const;
    await eventually(() => linesOf(stack, ...names).length > 1);
    expect(linesOf(stack, ...names)).toEqual([
      { event: 'webhook_refused', reason: 'bad_signature', count: 1 },
      {
        event: 'webhook_secret_file_unusable',
        variable: 'WEBHOOK_SECRET_FILE',
        reason: expect.stringContaining('not usable'),
        count: 1,
      },
    ]);
    expect((await send(WEBHOOK_SECRET)).status).toBe(200);
    await writeFile(path, 'whsec_other');
    await eventually(async () => (await send('whsec_other')).status === 200);
    expect(await stack.metric('secret_file_usable{file="WEBHOOK_SECRET_FILE"}')).toBe(1);
    expect(stack.logs().join()).not.toContain('whsec_');
  });

  test('an upstream that fails again and again, and of its recovery', async () => {
    const stack = await startStack({ env: { UPSTREAM_RETRIES: '0' } });
    stack.emulator.respondNext('*', { status: 500 }, 10);
    for (let n = 0; n < 10; n++) await stack.lookup(`complete-${n}`);
    await eventually(async () => (await stack.lookup('complete-1')).status === 200, 8000);
    expect(linesOf(stack, 'upstream_circuit_opened', 'upstream_circuit_closed')).toEqual([
      { event: 'upstream_circuit_opened', count: 1 },
      { event: 'upstream_circuit_closed' },
    ]);
  });

  test('an issuer whose keys can not be had, with why, and of its recovery', async () => {
    const names = ['issuer_keys_failed', 'issuer_keys_loaded'] as const;
    const first = await startStack({ env: { AUTH_JWKS_URL: `http://127.0.0.1:${await freePort()}/jwks` } });
    await eventually(() => linesOf(first, ...names).length > 0);
    expect(linesOf(first, ...names)).toEqual([
      { event: 'issuer_keys_failed', issuer: 'AUTH_ISSUER', reason: 'ECONNREFUSED', count: 1 },
    ]);

    first.issuer.respondWith('error');
    const second = await startStack({ beside: first });
    await eventually(() => linesOf(second, ...names).length > 0);
    first.issuer.respondWith('ok');
    await eventually(async () => (await second.lookup('complete-1')).status === 200);
    const told = linesOf(second, ...names);
    expect([told.at(0), told.at(-1)]).toEqual([
      { event: 'issuer_keys_failed', issuer: 'AUTH_ISSUER', reason: 'status_500', count: 1 },
      { event: 'issuer_keys_loaded', issuer: 'AUTH_ISSUER' },
    ]);
    expect([...first.logs(), ...second.logs()].join()).not.toContain('"at":');
  });

  test('an issuer that can not be asked about opaque tokens, with why, and of its recovery', async () => {
    const issuer = await startIntrospectingIssuer();
    onTestFinished(issuer.close);
    const secretFile = await temporaryFile('a secret');
    const stack = await startStack({
      env: {
        AUTH_ISSUER: issuer.issuer,
        AUTH_INTROSPECTION_CLIENT_ID: 'bff',
        AUTH_INTROSPECTION_CLIENT_SECRET_FILE: secretFile,
      },
    });
    let tokens = 0;
    const ask = () => {
      tokens += 1;
      const headers = { authorization: `Bearer opaque-${tokens}` };
      return stack.client.request('/v1/image-projects/complete-1', { headers });
    };
    issuer.respondWith('error');
    expect((await ask()).status).toBe(503);
    issuer.respondWith('ok');
    await eventually(async () => (await ask()).status === 401);
    await writeFile(secretFile, '');
    await eventually(() => linesOf(stack, 'introspection_secret_file_unusable').length > 0);
    expect(
      linesOf(
        stack,
        'introspection_failed',
        'introspection_works_again',
        'introspection_secret_file_unusable',
      ),
    ).toEqual([
      { event: 'introspection_failed', issuer: 'AUTH_ISSUER', reason: 'status_500', count: 1 },
      { event: 'introspection_works_again', issuer: 'AUTH_ISSUER' },
      {
        event: 'introspection_secret_file_unusable',
        variable: 'AUTH_INTROSPECTION_CLIENT_SECRET_FILE',
        reason: expect.stringContaining('not usable'),
        count: 1,
      },
    ]);
  });

  test("a file of the issuer's keys that became unusable", async () => {
    const path = await temporaryFile('{"keys":[]}');
    const stack = await startStack({ env: { AUTH_JWKS_FILE: path } });
    await writeFile(path, '{"keys":');
    await eventually(() => linesOf(stack, 'issuer_keys_file_unusable').length > 0);
    expect(linesOf(stack, 'issuer_keys_file_unusable')).toEqual([
      {
        event: 'issuer_keys_file_unusable',
        variable: 'AUTH_JWKS_FILE',
        reason: expect.stringContaining('not usable'),
        count: 1,
      },
    ]);
  });

  test('a collector that takes no spans, and of its recovery', async () => {
    const stack = await startTraced();
    stack.collector.answer(400);
    await stack.lookup('complete-1');
    await eventually(() => linesOf(stack, 'spans_not_exported').length > 0, 8000);
    stack.collector.answer(200);
    await stack.lookup('complete-1');
    await stack.stop();
    const { origin } = new URL(stack.collector.endpoint);
    expect(linesOf(stack, 'tracing_started', 'spans_not_exported', 'spans_exported')).toEqual([
      { event: 'tracing_started', collector: origin, sampler: 'parentbased_always_on' },
      { event: 'spans_not_exported', reason: '400', count: 1 },
      { event: 'spans_exported' },
    ]);
  });
});

test('every event of the catalogue was told above', () => {
  expect([...told].toSorted()).toEqual(Object.keys(LOG_EVENTS).toSorted());
});

test('every heading that the catalogue points at is there', async () => {
  const page = await readFile('docs/operations.md', 'utf8');
  const anchors = Array.from(page.matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const named = Object.values<LogEvent>(LOG_EVENTS).flatMap(({ runbook }) => runbook ?? []);
  expect(anchors).toEqual(expect.arrayContaining(named));
});
