import { describe, expect, onTestFinished, test } from 'vitest';
import { userKeyOf } from '../../src/auth/principal.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

interface World {
  readonly stack: Stack;
  readonly staff: TokenIssuer;
  readonly partners: TokenIssuer;
}

/** A service that trusts two issuers. */
async function startWorld(partnersEntry: Readonly<Record<string, unknown>> = {}): Promise<World> {
  const partners = await startTokenIssuer({ audience: 'partners' });
  onTestFinished(partners.close);
  const entry = { issuer: partners.issuer, audience: partners.audience, ...partnersEntry };
  const stack = await startStack({ env: { AUTH_ISSUERS: JSON.stringify([entry]) } });
  await eventually(() => stack.issuer.fetches.jwks + partners.fetches.jwks === 2);
  return { stack, staff: stack.issuer, partners };
}

const ask = ({ stack }: World, token: string) =>
  stack.client.request('/v1/image-projects/complete-1', { headers: { authorization: `Bearer ${token}` } });

describe('the users of two issuers', () => {
  test('are let in by the tokens of their own', async () => {
    const world = await startWorld();
    for (const issuer of [world.staff, world.partners]) {
      for (let round = 0; round < 2; round += 1) {
        expect((await ask(world, await issuer.token())).status).toBe(200);
      }
    }
  });

  test('are two users where they have one name', async () => {
    const world = await startWorld();
    await ask(world, await world.staff.token({ sub: 'alice' }));
    await ask(world, await world.partners.token({ sub: 'alice' }));
    const users = world.stack
      .logs()
      .map((line) => JSON.parse(line))
      .flatMap(({ event, user }) => (event === 'request' ? [user] : []));
    expect(users).toEqual(
      [world.staff, world.partners].map(({ issuer }) => userKeyOf(issuer, 'alice').slice(0, 16)),
    );
    expect(new Set(users).size).toBe(2);
  });

  test('are judged by the rules of their own: claims, scope, audience, algorithms', async () => {
    const world = await startWorld({ userClaim: 'email', requiredScope: 'see', algorithms: ['ES256'] });
    const { staff, partners } = world;
    const es256 = { algorithm: 'ES256' } as const;
    const codeOf = async (token: Promise<string>) => {
      const answer = await ask(world, await token);
      return answer.status === 200 ? 200 : (answer.json() as { code: string }).code;
    };
    const claims = { email: 'a@x.example', scope: 'see' };
    expect(await codeOf(partners.token(claims, es256))).toBe(200);
    expect(await codeOf(partners.token(claims))).toBe('token_invalid');
    expect(await codeOf(partners.token({ scope: 'see' }, es256))).toBe('token_invalid');
    expect(await codeOf(partners.token({ email: 'a@x.example' }, es256))).toBe('insufficient_scope');
    expect(await codeOf(partners.token({ ...claims, aud: staff.audience }, es256))).toBe('token_invalid');
    expect(await codeOf(staff.token({ aud: partners.audience }))).toBe('token_invalid');
    expect(await codeOf(staff.token())).toBe(200);
  });
});

describe('the word of an issuer on who may say whose a project is', () => {
  const assign = async ({ stack, staff }: World, token: string) =>
    (
      await stack.client.request('/v1/image-projects/complete-1/owner', {
        method: 'PUT',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ owner: 'alice', issuer: staff.issuer }),
      })
    ).status;
  const scope = 'image-projects:assign';

  test("is taken from the first, and not from another: its users would take the first one's projects", async () => {
    const world = await startWorld();
    const answer = await assign(world, await world.partners.token({ scope }));
    expect(answer).toBe(403);
    expect(await assign(world, await world.staff.token({ scope }))).toBeLessThan(300);
  });

  test('is taken from another where the settings say so', async () => {
    const world = await startWorld({ mayAssignOwners: true });
    expect(await assign(world, await world.partners.token({ scope }))).toBeLessThan(300);
  });
});

describe("one issuer's key", () => {
  test('verifies no token that another is named in', async () => {
    const world = await startWorld();
    const { staff, partners } = world;
    const forged = [
      await partners.token({ iss: staff.issuer, aud: staff.audience }),
      await partners.token({ iss: staff.issuer, aud: [staff.audience, partners.audience] }),
      await partners.token(
        { iss: staff.issuer, aud: staff.audience },
        { header: { kid: staff.currentKey().kid } },
      ),
      await staff.token(
        { iss: partners.issuer, aud: partners.audience },
        { header: { kid: partners.currentKey().kid } },
      ),
    ];
    for (const token of forged) {
      const answer = await ask(world, token);
      expect(answer.json()).toMatchObject({ code: 'token_invalid' });
    }
  });
});

describe('an issuer that nobody named', () => {
  test.each<[string, (world: World) => unknown]>([
    ['a stranger', () => 'https://elsewhere.example'],
    ['one that begins alike', ({ staff }) => `${staff.issuer}0`],
    ['one that is a beginning', ({ staff }) => staff.issuer.slice(0, -1)],
    ['one with a slash more', ({ staff }) => `${staff.issuer}/`],
    ['one in capitals', ({ staff }) => staff.issuer.toUpperCase()],
    ['none', () => undefined],
    ['two', ({ staff, partners }) => [staff.issuer, partners.issuer]],
    ['a name of every object', () => '__proto__'],
  ])('lets nobody in and has nobody asked: %s', async (_what, iss) => {
    const world = await startWorld();
    const token = await world.staff.token({ iss: iss(world) }, { header: { kid: 'unknown' } });
    const answer = await ask(world, token);
    expect(answer.status).toBe(401);
    expect(answer.json()).toMatchObject({ code: 'token_invalid' });
    expect(world.staff.fetches.jwks + world.partners.fetches.jwks).toBe(2);
  });
});

describe('an issuer that is away', () => {
  test('is 503 for its users alone, and is told by its place in the settings', async () => {
    const partners = await startTokenIssuer();
    onTestFinished(partners.close);
    await partners.down();
    const entry = { issuer: partners.issuer, audience: partners.audience };
    const stack = await startStack({ env: { AUTH_ISSUERS: JSON.stringify([entry]) } });
    const world = { stack, staff: stack.issuer, partners };
    const token = await partners.token();
    const away = await ask(world, token);
    expect(away.status).toBe(503);
    expect(away.json()).toMatchObject({ code: 'authentication_unavailable' });
    expect(away.headers.get('retry-after')).not.toBeNull();
    expect((await ask(world, await stack.issuer.token())).status).toBe(200);

    const ready = await stack.ops.request('/readyz');
    expect(ready.status).toBe(200);
    expect(ready.json()).toMatchObject({
      checks: expect.arrayContaining([
        { name: 'issuer_keys', status: 'degraded', detail: 'no keys of AUTH_ISSUERS[0]' },
      ]),
    });
    expect(await stack.metric('issuer_keys_available{issuer="AUTH_ISSUER"}')).toBe(1);
    expect(await stack.metric('issuer_keys_available{issuer="AUTH_ISSUERS[0]"}')).toBe(0);
    const told = stack.logs().map((line) => JSON.parse(line));
    expect(told).toContainEqual(
      expect.objectContaining({ event: 'issuer_keys_failed', issuer: 'AUTH_ISSUERS[0]' }),
    );

    await partners.up();
    await eventually(async () => (await ask(world, token)).status === 200);
    expect(await stack.metric('issuer_keys_available{issuer="AUTH_ISSUERS[0]"}')).toBe(1);
  });
});
