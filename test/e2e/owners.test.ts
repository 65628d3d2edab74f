import { describe, expect, test } from 'vitest';
import { tenantKeyOf, userKeyOf } from '../../src/auth/principal.ts';
import { KINDS } from '../../src/lookup/project.ts';
import { loggedUser } from '../../src/request-log.ts';
import { registryClient } from '../support/registry-client.ts';
import { startStack } from '../support/stack.ts';

const ALICE = { owner: 'alice', tenant: 'acme' };

describe('the registry of owners', () => {
  test.each(KINDS)('is told whose %s projects are, and tells it', async (kind) => {
    const stack = await startStack();
    const registry = await registryClient(stack);
    const project = { kind, id: 'complete-1' };
    expect((await registry.get(project)).status).toBe(404);
    const first = await registry.put(project, ALICE);
    expect(first.status).toBe(201);
    expect(first.json()).toEqual({ issuer: stack.issuer.issuer, ...ALICE });
    expect((await registry.put(project, ALICE)).status).toBe(200);
    expect((await registry.get(project)).json()).toEqual({ issuer: stack.issuer.issuer, ...ALICE });
    const conflict = await registry.put(project, { owner: 'bob' });
    expect([conflict.status, conflict.json()]).toEqual([
      409,
      expect.objectContaining({ code: 'owner_conflict' }),
    ]);
    expect((await registry.release(project)).status).toBe(204);
    expect((await registry.release(project)).status).toBe(204);
    expect((await registry.put(project, { owner: 'bob' })).status).toBe(201);
    expect((await registry.get(project)).json()).toEqual({ issuer: stack.issuer.issuer, owner: 'bob' });
    expect(stack.emulator.count('complete-1')).toBe(0);
  });

  test.each(KINDS)('lets nobody in without the scope for %s projects', async (kind) => {
    const stack = await startStack();
    const others = KINDS.filter((each) => each !== kind).map((each) => `${each}-projects:assign`);
    const registry = await registryClient(
      stack,
      `${others.join(' ')} ${kind}-projects ${kind}-projects:assign2`,
    );
    const project = { kind, id: 'complete-1' };
    for (const answer of [
      await registry.get(project),
      await registry.put(project, ALICE),
      await registry.release(project),
      await registry.putMany([{ id: 'complete-1', ...ALICE }], kind),
    ]) {
      expect(answer.status).toBe(403);
      expect(answer.headers.get('www-authenticate')).toContain(`scope="${kind}-projects:assign"`);
    }
    expect(await stack.metric('authentication_failures_total{reason="insufficient_scope"}')).toBe(4);
    expect((await (await registryClient(stack)).get(project)).status).toBe(404);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', [ALICE]],
    ['no owner', {}],
    ['an empty owner', { owner: '' }],
    ['an owner that is no string', { owner: 1 }],
    ['an owner that is too long', { owner: 'x'.repeat(1025) }],
    ['an empty tenant', { owner: 'alice', tenant: '' }],
    ['a misspelled field', { owner: 'alice', tenent: 'acme' }],
    ['an issuer that is not trusted', { owner: 'alice', issuer: 'https://evil.example' }],
  ])('says that %s is not an owner, and keeps none', async (_what, body) => {
    const stack = await startStack();
    const registry = await registryClient(stack);
    const answer = await registry.put({ id: 'p1' }, body);
    expect([answer.status, answer.json()]).toEqual([400, expect.objectContaining({ code: 'invalid_owner' })]);
    expect((await registry.get({ id: 'p1' })).status).toBe(404);
  });

  test.each<[string, RequestInit['headers'], RequestInit['body'], number]>([
    ['another type', { 'content-type': 'text/plain' }, '{"owner":"alice"}', 400],
    ['no type', {}, new Uint8Array(Buffer.from('{"owner":"alice"}')), 400],
    ['what is no UTF-8', { 'content-type': 'application/json' }, new Uint8Array([0x22, 0xff, 0x22]), 400],
    ['a body that is too large', { 'content-type': 'application/json' }, 'x'.repeat(1024 * 1024 + 1), 413],
  ])('does not take %s', async (_what, headers, body, status) => {
    const stack = await startStack();
    const authorization = `Bearer ${await stack.issuer.token({ sub: 'b', scope: 'image-projects:assign' })}`;
    const init = { method: 'PUT', headers: { authorization, ...headers }, body: body ?? null };
    expect((await stack.client.request('/v1/image-projects/p1/owner', init)).status).toBe(status);
  });

  test('takes JSON whose type has parameters', async () => {
    const stack = await startStack();
    const authorization = `Bearer ${await stack.issuer.token({ sub: 'b', scope: 'image-projects:assign' })}`;
    const headers = { authorization, 'content-type': 'Application/JSON; charset=utf-8' };
    const init = { method: 'PUT', headers, body: '{"owner":"alice"}' };
    expect((await stack.client.request('/v1/image-projects/p1/owner', init)).status).toBe(201);
  });

  test('takes many at a time, each by itself and in their order', async () => {
    const stack = await startStack();
    const registry = await registryClient(stack);
    await registry.put({ id: 'taken' }, { owner: 'bob' });
    const many = Array.from({ length: 200 }, (_, n) => ({ id: `many-${n}`, owner: `user-${n}` }));
    const sent = [
      { id: 'taken', owner: 'alice' },
      ...many,
      { id: 'no id!', owner: 'x' },
      7,
      { id: 'many-0', owner: 'eve' },
    ];
    const first = await registry.putMany(sent);
    const [assigned, invalid] = ['assigned', { id: null, result: 'invalid' }];
    expect(first.json()).toEqual({
      results: [
        { id: 'taken', result: 'conflict' },
        ...many.map(({ id }) => ({ id, result: assigned })),
        invalid,
        invalid,
        { id: 'many-0', result: 'conflict' },
      ],
    });
    const again: unknown = (await registry.putMany(many)).json();
    expect(again).toEqual({ results: many.map(({ id }) => ({ id, result: 'unchanged' })) });
    expect((await registry.get({ id: 'many-199' })).json()).toMatchObject({ owner: 'user-199' });
  });

  test.each<[string, unknown]>([
    ['no list', undefined],
    ['an empty list', []],
    ['more than a thousand', Array.from({ length: 1001 }, (_, n) => ({ id: `p${n}`, owner: 'x' }))],
  ])('says that %s can not be assigned', async (_what, assignments) => {
    const registry = await registryClient(await startStack());
    const answer = await registry.putMany(assignments);
    expect([answer.status, answer.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'invalid_assignments' }),
    ]);
  });

  test.each(['info', 'error', 'fatal'])(
    'writes a line for each change and for nothing else, whatever LOG_LEVEL is (%s)',
    async (LOG_LEVEL) => {
      const stack = await startStack({ env: { LOG_LEVEL } });
      const registry = await registryClient(stack);
      await registry.put({ id: 'p1' }, ALICE);
      await registry.put({ id: 'p1' }, ALICE);
      await registry.put({ id: 'p1' }, { owner: 'bob' });
      await registry.get({ id: 'p1' });
      await registry.putMany(
        [
          { id: 'p1', owner: 'bob' },
          { id: 'p2', owner: 'bob' },
        ],
        'video',
      );
      const released = await registry.release({ id: 'p1' });
      await registry.release({ id: 'p1' });
      const lines: unknown[] = stack
        .logs()
        .map((line) => JSON.parse(line))
        .filter(({ event }) => event === 'owner_changed');
      const keyOf = (subject: string) => loggedUser(userKeyOf(stack.issuer.issuer, subject));
      const by = keyOf('a-backend');
      const line = { level: 'info', by };
      expect(lines).toMatchObject([
        {
          ...line,
          change: 'assigned',
          kind: 'image',
          project: 'p1',
          owner: keyOf('alice'),
          tenant: loggedUser(tenantKeyOf(stack.issuer.issuer, 'acme')),
        },
        { ...line, change: 'assigned', kind: 'video', project: 'p1', owner: keyOf('bob') },
        { ...line, change: 'assigned', kind: 'video', project: 'p2', owner: keyOf('bob') },
        {
          ...line,
          change: 'released',
          kind: 'image',
          project: 'p1',
          owner: keyOf('alice'),
          request_id: released.headers.get('x-request-id'),
        },
      ]);
      expect(stack.logs().join('')).not.toMatch(/alice|acme|a-backend/);
    },
  );
});
