import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createDpopKey } from '../support/dpop-key.ts';
import { openEvents } from '../support/event-reader.ts';
import { type IntrospectingIssuer, startIntrospectingIssuer } from '../support/introspecting-issuer.ts';
import type { MagicHourEmulatorOptions } from '../support/magic-hour-emulator.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';

const TOKEN = 'an-0paque_token.of~some+length/==';
const CLIENT = { id: 'bff: 1', secret: 's3cret of the bff: %+' };
const good = () => ({
  active: true,
  aud: 'bff',
  sub: 'alice',
  exp: Math.floor(Date.now() / 1000) + 600,
});

interface World {
  readonly issuer: IntrospectingIssuer;
  readonly stack: Stack;
}

async function startWorld(
  env: Readonly<Record<string, string>> = {},
  emulator: MagicHourEmulatorOptions = {},
): Promise<World> {
  const issuer = await startIntrospectingIssuer();
  onTestFinished(issuer.close);
  const stack = await startStack({
    emulator,
    env: {
      AUTH_ISSUER: issuer.issuer,
      AUTH_AUDIENCE: 'bff',
      AUTH_INTROSPECTION_CLIENT_ID: CLIENT.id,
      AUTH_INTROSPECTION_CLIENT_SECRET: CLIENT.secret,
      ...env,
    },
  });
  return { issuer, stack };
}

const ask = ({ stack }: Pick<World, 'stack'>, token = TOKEN) =>
  stack.client.request('/v1/image-projects/complete-1', { headers: { authorization: `Bearer ${token}` } });

describe('an opaque token', () => {
  test('is asked about as RFC 7662 says, at the endpoint that is discovered, and lets its user in', async () => {
    const world = await startWorld();
    world.issuer.says(TOKEN, good());
    expect((await ask(world)).status).toBe(200);
    expect((await ask(world)).status).toBe(200);
    const [question, ...more] = world.issuer.questions;
    expect(more).toEqual([]);
    expect(question?.method).toBe('POST');
    expect(question?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': expect.stringMatching(/^application\/x-www-form-urlencoded/),
    });
    expect(Object.fromEntries(question?.form ?? [])).toEqual({
      token: TOKEN,
      token_type_hint: 'access_token',
    });
    const [id, secret] = Buffer.from(String(question?.headers.authorization).slice('Basic '.length), 'base64')
      .toString()
      .split(':')
      .map((part) => new URLSearchParams(`x=${part}`).get('x'));
    expect({ id, secret }).toEqual(CLIENT);
    expect(await world.stack.metric('token_introspections_total{result="active"}')).toBe(1);
  });

  test('is asked about at the address that is set, and nowhere else', async () => {
    const elsewhere = await startIntrospectingIssuer();
    onTestFinished(elsewhere.close);
    const world = await startWorld({ AUTH_INTROSPECTION_URL: elsewhere.url });
    elsewhere.says(TOKEN, good());
    expect((await ask(world)).status).toBe(200);
    expect([elsewhere.questions.length, world.issuer.questions.length]).toEqual([1, 0]);
  });

  test('is 401 where its issuer does not know it, and is never in a log', async () => {
    const world = await startWorld();
    const answer = await ask(world);
    expect(answer.status).toBe(401);
    expect(answer.json()).toMatchObject({ code: 'token_invalid' });
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(world.stack.logs().join('\n')).not.toContain(TOKEN);
  });

  test('is nobody’s to be asked about where no issuer is', async () => {
    const { stack, issuer } = await startWorld({
      AUTH_INTROSPECTION_CLIENT_ID: '',
      AUTH_INTROSPECTION_CLIENT_SECRET: '',
    });
    issuer.says(TOKEN, good());
    expect((await ask({ stack })).json()).toMatchObject({ code: 'token_invalid' });
    expect(issuer.questions).toEqual([]);
  });

  test('goes to the one issuer that is named for it, and a JWT of whatever issuer to none', async () => {
    const first = await startTokenIssuer();
    onTestFinished(first.close);
    const folder = await mkdtemp(join(tmpdir(), 'introspection-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const clientSecretFile = join(folder, 'secret');
    await writeFile(clientSecretFile, 'the first secret\n');
    const opaque = await startIntrospectingIssuer();
    onTestFinished(opaque.close);
    const entry = {
      issuer: opaque.issuer,
      audience: 'bff',
      introspection: { clientId: CLIENT.id, clientSecretFile },
    };
    const stack = await startStack({
      env: {
        AUTH_ISSUER: first.issuer,
        AUTH_AUDIENCE: first.audience,
        AUTH_ISSUERS: JSON.stringify([entry]),
      },
    });
    opaque.says(TOKEN, good());
    expect((await ask({ stack })).status).toBe(200);
    for (const token of [
      await first.token(),
      await first.token({ iss: opaque.issuer }),
      await first.token({ iss: undefined }),
      `${(await first.token()).split('.').slice(0, 2).join('.')}.`,
    ])
      await ask({ stack }, token);
    expect(opaque.questions).toHaveLength(1);

    await writeFile(`${clientSecretFile}.new`, 'the next secret\n');
    await rename(`${clientSecretFile}.new`, clientSecretFile);
    let tokens = 0;
    await eventually(async () => {
      tokens += 1;
      await ask({ stack }, `another-${tokens}`);
      const { authorization = '' } = opaque.questions.at(-1)?.headers ?? {};
      return Buffer.from(authorization.slice('Basic '.length), 'base64').toString().includes('next');
    });
  });
});

describe('a token that is revoked', () => {
  test.each(['Bearer', 'DPoP'] as const)(
    'tells the stream and the wait that it began nothing more (%s)',
    async (scheme) => {
      const world = await startWorld(
        { AUTH_INTROSPECTION_CACHE_SECONDS: '0', CACHE_PENDING_TTL_MS: '50', WATCH_INTERVAL_MIN_MS: '50' },
        { queuedMs: 600_000 },
      );
      const { stack, issuer } = world;
      const key = await createDpopKey();
      const bound = scheme === 'DPoP' ? { cnf: { jkt: key.thumbprint }, token_type: 'DPoP' } : {};
      issuer.says(TOKEN, { ...good(), ...bound });
      const path = '/v1/image-projects/queued-1';
      const credentials = async (to: string) => ({
        authorization: `${scheme} ${TOKEN}`,
        ...(scheme === 'DPoP' ? { dpop: await key.proof({ url: to, token: TOKEN }) } : {}),
      });
      const url = `${stack.service.publicUrl}${path}`;
      const stream = await openEvents(`${url}/events`, await credentials(`${url}/events`));
      await stream.event(0);
      const headers = { ...(await credentials(url)), prefer: 'wait=30' };
      const waiting = stack.client.request(path, { headers });
      await eventually(() => stack.emulator.count('queued-1') > 1 && issuer.questions.length > 1);
      issuer.says(TOKEN, { active: false });
      stack.emulator.project('queued-1', { status: 'complete' });
      await stream.ended;
      expect(stream.events).toHaveLength(1);
      expect((await waiting).status).toBe(401);
    },
  );

  test('has told of each change until then', async () => {
    const { stack, issuer } = await startWorld(
      { AUTH_INTROSPECTION_CACHE_SECONDS: '0', CACHE_PENDING_TTL_MS: '50', WATCH_INTERVAL_MIN_MS: '50' },
      { queuedMs: 600_000 },
    );
    issuer.says(TOKEN, good());
    const path = '/v1/image-projects/queued-1';
    const stream = await openEvents(`${stack.service.publicUrl}${path}/events`, {
      authorization: `Bearer ${TOKEN}`,
    });
    await stream.event(0);
    stack.emulator.project('queued-1', { status: 'complete' });
    await stream.ended;
    expect(stream.events).toHaveLength(2);
    expect(issuer.questions.length).toBeGreaterThan(1);
  });
});

describe('an issuer that can not be asked', () => {
  test.each(['error', 'html', 'empty', 'redirect', 'endless', 'hang'] as const)(
    'is 503 and neither entry nor 401 (%s), until it answers again',
    async (mode) => {
      const world = await startWorld();
      world.issuer.says(TOKEN, good());
      world.issuer.respondWith(mode);
      const away = await ask(world);
      expect(away.status).toBe(503);
      expect(away.json()).toMatchObject({ code: 'authentication_unavailable' });
      expect(away.headers.get('retry-after')).not.toBeNull();
      expect(world.stack.emulator.count()).toBe(0);
      world.issuer.respondWith('ok');
      await eventually(async () => (await ask(world)).status === 200);
      const events = world.stack
        .logs()
        .map((line) => JSON.parse(line))
        .flatMap(({ event, issuer }) => (event.startsWith('introspection_') ? [[event, issuer]] : []));
      expect(events).toEqual([
        ['introspection_failed', 'AUTH_ISSUER'],
        ['introspection_works_again', 'AUTH_ISSUER'],
      ]);
    },
    20_000,
  );

  test('is no trouble to those who have a JWT', async () => {
    const first = await startTokenIssuer();
    onTestFinished(first.close);
    const { issuer, stack } = await startWorld({
      AUTH_ISSUERS: JSON.stringify([{ issuer: first.issuer, audience: first.audience }]),
    });
    issuer.respondWith('hang');
    const waiting = ask({ stack });
    expect((await ask({ stack }, await first.token())).status).toBe(200);
    expect((await waiting).status).toBe(503);
  });
});

describe('a crowd', () => {
  test('with one token costs its issuer one question', async () => {
    const world = await startWorld();
    world.issuer.says(TOKEN, good());
    const letGo = world.issuer.hold();
    const all = Promise.all(Array.from({ length: 50 }, () => ask(world)));
    await eventually(() => world.issuer.questions.length > 0);
    letGo();
    expect(new Set((await all).map(({ status }) => status))).toEqual(new Set([200]));
    expect(world.issuer.questions).toHaveLength(1);
  });

  test('of made-up tokens is turned away, and those who were in stay in', async () => {
    const world = await startWorld({ AUTH_INTROSPECTION_CACHE_SECONDS: '0' });
    world.issuer.says(TOKEN, good());
    expect((await ask(world)).status).toBe(200);
    const statuses = new Set<number>();
    for (let n = 0; n < 400; n += 1) statuses.add((await ask(world, `made-up-${n}`)).status);
    expect(statuses).toEqual(new Set([401, 503]));
    expect((await ask(world)).status).toBe(200);
    expect(await world.stack.metric('token_introspections_total{result="withheld"}')).toBeGreaterThan(0);
  });
});

test('the secret at the issuer never leaves in a response', async () => {
  const secret = 'a-secret-that-is-known-to-the-guard';
  const { stack, issuer } = await startWorld({ AUTH_INTROSPECTION_CLIENT_SECRET: secret });
  issuer.says(TOKEN, good());
  const authorization = `Bearer ${TOKEN}`;
  const answer = await stack.client.request('/v1/image-projects/complete-1', {
    headers: { authorization, 'x-request-id': secret },
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('x-request-id')).not.toBe(secret);
});
