import { hash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RedisClient } from '../cache/redis-client.ts';
import type { RedisGuard } from '../cache/redis-guard.ts';
import { redisScript, runScript } from '../cache/redis-script.ts';
import type { Clock } from '../lookup/ports.ts';
import type { Sealing } from './sealing.ts';
import { type Session, type SessionStore, sessionSchema } from './session.ts';

const PURPOSE = 'session';
/** Longer than a refresh takes with all that it may have to ask the provider for. */
const REFRESH_LOCK_MS = 20_000;
const COOL_DOWN_MS = 2000;

/** Adds to a set, by when it ends, and takes out what has ended. The set lives as long as the longest of what is in it. */
const ADD = redisScript(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[3] + ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
`);

const RELEASE = redisScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
`);

const COOL_DOWN = redisScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
`);

const COOLING = 'cooling';

const LOCK = redisScript(`
if redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then
  return 'free'
end
return redis.call('GET', KEYS[1]) == '${COOLING}' and 'cooling' or 'taken'
`);

const lockReply = z.enum(['free', 'taken', 'cooling']);
const members = z.array(z.string());

/**
 * In Redis: `…:session:{HASH}`, where HASH is of the browser's secret, so that what stands there lets nobody in. It is sealed under
 * that secret and a master key: neither Redis, nor Redis and the keys, give a token away.
 */
export function createRedisSessions(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keyPrefix: string;
  readonly sealing: Sealing;
  /** The provider, whose names for users and sessions these are; access tokens may name another. */
  readonly issuer: string;
  /** How long one lives that is not used. */
  readonly idleMs: number;
  readonly clock: Clock;
}): SessionStore {
  const { client, guard, sealing, issuer, idleMs, clock } = options;
  const prefix = `${options.keyPrefix}v1:session`;
  const keyOf = (name: string) => `${prefix}:{${name}}`;
  const setOf = (what: 'user' | 'sid' | 'unnamed', name: string) =>
    `${prefix}-${what}:${nameOf(JSON.stringify([issuer, name]))}`;
  const setsOf = ({ sub, sid }: Session) => [
    setOf('user', sub),
    sid === undefined ? setOf('unnamed', sub) : setOf('sid', sid),
  ];
  const read = <T>(command: () => Promise<T>) => guard.run('session_read', command);
  const write = <T>(command: () => Promise<T>) => guard.run('session_write', command);
  const doneKey = (what: string) => `${prefix}-done:${nameOf(what)}`;
  const lifeMs = ({ endsAtMs }: Session) => Math.max(1, Math.min(idleMs, endsAtMs - clock.now()));
  const seal = (secret: string, session: Session) => sealing.seal(JSON.stringify(session), PURPOSE, secret);

  async function endAllIn(set: string): Promise<number> {
    const names = members.parse(await read(() => client.zrange(set, '0', '-1')));
    if (names.length === 0) return 0;
    const end = (some: readonly string[]) =>
      Promise.all(some.map((name) => write(() => client.del(keyOf(name)))));
    const ended = await end(names);
    // Only now: what could not be ended has to be found again.
    await write(() => client.zrem(set, ...names));
    // One that was not there may have begun in between; any that begins from now on finds that it is not in the set.
    const late = await end(names.filter((_, at) => ended[at] === 0));
    return [...ended, ...late].reduce((sum, count) => sum + count, 0);
  }

  return {
    async read(secret) {
      const sealed = await read(() => client.get(keyOf(nameOf(secret))));
      const content = sealed === null ? undefined : await sealing.open(sealed, PURPOSE, secret);
      // One that another version wrote is none.
      return content === undefined ? undefined : sessionSchema.safeParse(JSON.parse(content)).data;
    },
    async exists(secret) {
      return (await read(() => client.exists(keyOf(nameOf(secret))))) === 1;
    },
    async create(secret, session) {
      const name = nameOf(secret);
      // First, so that there is none that nobody could find to end it.
      for (const set of setsOf(session)) {
        const leftMs = Math.max(1, session.endsAtMs - clock.now());
        await write(() => runScript(client, ADD, [set], name, Math.ceil(leftMs), clock.now()));
      }
      const sealed = await seal(secret, session);
      await write(() => client.set(keyOf(name), sealed, 'PX', Math.ceil(lifeMs(session))));
      for (const set of setsOf(session)) {
        if ((await read(() => client.zscore(set, name))) !== null) continue;
        // All of the user's were ended at the same time, and this one is among them.
        await write(() => client.del(keyOf(name)));
        throw new Error('the session was ended as it began');
      }
    },
    async replace(secret, session) {
      const sealed = await seal(secret, session);
      const kept = await write(() =>
        client.set(keyOf(nameOf(secret)), sealed, 'PX', Math.ceil(lifeMs(session)), 'XX'),
      );
      return kept === 'OK';
    },
    async touch(secret, session) {
      await write(() => client.pexpire(keyOf(nameOf(secret)), Math.ceil(lifeMs(session))));
    },
    async end(secret, session) {
      const name = nameOf(secret);
      await write(() => client.del(keyOf(name)));
      for (const set of setsOf(session)) await write(() => client.zrem(set, name));
    },
    endAllOf: (sub) => endAllIn(setOf('user', sub)),
    async endNamed(sid, sub) {
      const named = await endAllIn(setOf('sid', sid));
      return sub === undefined ? named : named + (await endAllIn(setOf('unnamed', sub)));
    },
    async lockRefresh(secret) {
      const lock = `${keyOf(nameOf(secret))}:refresh`;
      const token = randomUUID();
      const found = lockReply.parse(
        await write(() => runScript(client, LOCK, [lock], token, REFRESH_LOCK_MS)),
      );
      if (found !== 'free') return found;
      return {
        release: async () => void (await write(() => runScript(client, RELEASE, [lock], token))),
        coolDown: async () =>
          void (await write(() => runScript(client, COOL_DOWN, [lock], token, COOLING, COOL_DOWN_MS))),
      };
    },
    async remember(what, forMs) {
      return (await write(() => client.set(doneKey(what), '1', 'PX', Math.ceil(forMs), 'NX'))) === 'OK';
    },
    async remembers(what) {
      return (await read(() => client.exists(doneKey(what)))) === 1;
    },
  };
}

function nameOf(secret: string): string {
  return hash('sha256', secret, 'base64url');
}
