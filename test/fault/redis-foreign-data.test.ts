import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeAnswer, encodeAnswer } from '../../src/cache/answer-codec.ts';
import { answer, DAY_MS, download, isoTime } from '../support/builders.ts';
import {
  LIMIT,
  newName,
  passing,
  type RedisReplicas,
  startRedisReplicas,
} from '../support/redis-replicas.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually } from '../support/stack.ts';

let redis: RedisServer;
let replicas: RedisReplicas;
beforeAll(async () => {
  redis = await startRedisServer();
  replicas = await startRedisReplicas({ REDIS_URL: redis.url });
});
afterAll(async () => {
  await replicas?.stop();
  await redis?.stop();
});

const keyOf = (id: string) => `mhbff:v1:{image:${id}}`;
const HOUR_MS = 3_600_000;
const headOf = (whole: string) => whole.slice(0, whole.indexOf('\n'));
const bodyOf = (whole: string) => whole.slice(whole.indexOf('\n') + 1);

/** An answer of an hour ago, well-formed but for being kept for another day. */
function keptTooLong(fields: Readonly<Record<string, unknown>>): string {
  const nowMs = Date.now();
  const times = { fetchedAtMs: nowMs - HOUR_MS, freshUntilMs: nowMs + DAY_MS };
  return encodeAnswer(answer(fields, times)).toString();
}

/** What could stand under a project's key in place of its answer, `whole`; `other` is another project's. */
const VALUES: ReadonlyArray<
  readonly [name: string, value: (id: string, whole: string, other: string) => string]
> = [
  ['nothing but a word', () => 'garbage'],
  ['an empty string', () => ''],
  ['somebody else’s JSON', () => '{"id":1}\n{}'],
  ['half of its head', (_id, whole) => whole.slice(0, 20)],
  ['its head alone', (_id, whole) => `${headOf(whole)}\n`],
  ['its body alone', (_id, whole) => bodyOf(whole)],
  ['half of its body', (_id, whole) => whole.slice(0, -40)],
  ['its answer with more behind', (_id, whole) => `${whole} `],
  ['another version’s head', (_id, whole) => whole.replace('{', '{"version":2,')],
  ['another project’s answer', (_id, _whole, other) => other],
  ['its own head and another project’s body', (_id, whole, other) => `${headOf(whole)}\n${bodyOf(other)}`],
  [
    'an answer whose URL has expired',
    (id) => keptTooLong({ id, downloads: [download(isoTime(Date.now() - 60_000))] }),
  ],
  ['an unfinished answer, kept too long', (id) => keptTooLong({ id, status: 'queued', downloads: [] })],
  ['a failed one, kept too long', (id) => keptTooLong({ id, status: 'error', downloads: [] })],
  [
    'one that says that there is no such project, kept too long',
    () => {
      const nowMs = Date.now();
      const times = { fetchedAtMs: nowMs - HOUR_MS, freshUntilMs: nowMs + DAY_MS };
      return encodeAnswer({ found: false, ...times }).toString();
    },
  ],
];

/** Has Redis hold the answer of a project that only the first replica has in memory. */
async function storedProject() {
  const id = newName('complete-stored');
  const { body } = await replicas.first.lookup(id, { user: newName('user') });
  await eventually(async () => (await redis.command('EXISTS', keyOf(id))) === 1);
  return { id, body, whole: String(await redis.command('GET', keyOf(id))) };
}

/** That the second replica takes nothing of what stands in Redis, keeps what is true, and puts that there. */
async function expectMended(id: string, body: Buffer): Promise<void> {
  const asked = await replicas.second.lookup(id, { user: newName('user') });
  expect(asked.headers.get('cache-status')).toContain('fwd=uri-miss');
  expect(asked.body.equals(body)).toBe(true);
  const kept = await replicas.second.lookup(id, { user: newName('user') });
  expect(kept.headers.get('cache-status')).toMatch(/; hit; .*detail=memory$/);
  expect(kept.body.equals(body)).toBe(true);
  await eventually(async () => {
    if ((await redis.command('TYPE', keyOf(id))) !== 'string') return false;
    const stored = Buffer.from(String(await redis.command('GET', keyOf(id))));
    const mended = decodeAnswer('image', id, stored);
    return mended?.found === true && mended.body === body.toString('latin1');
  });
}

describe('a project under whose key there is', () => {
  test.each(VALUES)('%s: is asked for anew, and mended', async (_name, value) => {
    const { id, body, whole } = await storedProject();
    const other = await storedProject();
    await redis.command('SET', keyOf(id), value(id, whole, other.whole));
    await expectMended(id, body);
  });

  test.each([
    ['a list', ['RPUSH', 'a']],
    ['a hash', ['HSET', 'a', 'b']],
    ['a set', ['SADD', 'a']],
  ] as const)('%s: is asked for anew, and mended', async (_name, [command, ...args]) => {
    const { id, body } = await storedProject();
    await redis.command('DEL', keyOf(id));
    await redis.command(command, keyOf(id), ...args);
    await expectMended(id, body);
  });

  test.each([
    ['a list', ["redis.call('RPUSH', KEYS[1], 'a')"]],
    ['a word', ["redis.call('SET', KEYS[1], 'a')"]],
    ['bytes that are no text', ["redis.call('SET', KEYS[1], string.char(255, 254))"]],
  ])('%s in place of a purge’s mark: is asked for anew, and kept', async (_name, [script = '']) => {
    const { id, body } = await storedProject();
    await redis.command('DEL', keyOf(id));
    await redis.command('EVAL', script, '1', `${keyOf(id)}:purged`);
    await expectMended(id, body);
  });
});

describe('a user under whose key there is', () => {
  test.each([
    ['a list for an hour', ['RPUSH', 'a'], true],
    ['a list for good', ['RPUSH', 'a'], false],
    ['a hash for an hour', ['HSET', 'a', 'b'], true],
    ['a word for an hour', ['SET', 'a'], true],
    ['a word for good', ['SET', 'a'], false],
    ['a number far over the limit, for an hour', ['SET', '99999'], true],
  ] as const)('%s: is let on, and limited', async (_name, [command, ...args], expires) => {
    await redis.command('FLUSHALL');
    const user = newName('user');
    await replicas.first.lookup('complete-limited', { user });
    const [key = ''] = await redis.keys('mhbff:v1:limit:user:*');
    await redis.command('DEL', key);
    await redis.command(command, key, ...args);
    if (expires) await redis.command('EXPIRE', key, '3600');
    const statuses = await replicas.statusesOf(user, LIMIT + 4);
    expect(statuses).toEqual(passing(LIMIT, LIMIT + 4));
  });
});
