import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createRedisGuard } from '../../src/cache/redis-guard.ts';

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets everything that waits for nothing but promises run to its end. */
const settle = () => vi.advanceTimersByTimeAsync(0);

/** A guard over a Redis whose probe does what the test says; it has answered the first. */
async function startGuard() {
  let probes = 0;
  let probe: () => Promise<unknown> = () => Promise.resolve();
  const told: string[] = [];
  const guard = createRedisGuard({
    probe() {
      probes += 1;
      return probe();
    },
    commandTimeoutMs: 250,
    events: {
      redisFailed: (operation) => told.push(`failed ${operation}`),
      redisCameUp: () => told.push('up'),
      redisWentDown: () => told.push('down'),
    },
  });
  onTestFinished(guard.stop);
  await settle();
  return {
    guard,
    told,
    probes: () => probes,
    answerProbe(next: () => Promise<unknown>) {
      probe = next;
    },
  };
}

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

const after = <T>(ms: number, value: T) =>
  new Promise<T>((resolve) => {
    setTimeout(() => resolve(value), ms);
  });
const never = () => new Promise<never>(() => undefined);

describe('an error', () => {
  test.each([
    ['no reply in time', new Error('Command timed out')],
    ['a lost connection', new Error('Connection is closed.')],
    ['loading', replyError('LOADING Redis is loading the dataset in memory')],
    ['a master that is gone', replyError('MASTERDOWN Link with MASTER is down')],
    ['a cluster without all slots', replyError('CLUSTERDOWN The cluster is down')],
    ['no password', replyError('NOAUTH Authentication required.')],
    ['a wrong password', replyError('WRONGPASS invalid username-password pair')],
    ['a script that runs on', replyError('BUSY Redis is busy running a script.')],
    ['a replica', replyError("READONLY You can't write against a read only replica.")],
    [
      'a replica, by a script of Redis 6',
      replyError('ERR Error running script: -READONLY You can not write'),
    ],
  ])('that says %s takes Redis out of use', async (_what, error) => {
    const { guard, told, answerProbe } = await startGuard();
    answerProbe(never);
    await expect(guard.run('cache_read', () => Promise.reject(error))).rejects.toBe(error);
    expect(guard.up).toBe(false);
    expect(told).toEqual(['up', 'failed cache_read', 'down']);
    const command = vi.fn();
    await expect(guard.run('cache_read', command)).rejects.toThrow('Redis is away');
    expect(command).not.toHaveBeenCalled();
  });

  test.each([
    replyError("OOM command not allowed when used memory > 'maxmemory'."),
    replyError('WRONGTYPE Operation against a key holding the wrong kind of value'),
    replyError('ERR value is not an integer or out of range'),
    replyError('NOPERM this user has no permissions to run the command'),
    replyError('BUSYKEY Target key name already exists.'),
  ])('of one command alone leaves it in use: %s', async (error) => {
    const { guard, told } = await startGuard();
    await expect(guard.run('cache_write', () => Promise.reject(error))).rejects.toBe(error);
    expect(guard.up).toBe(true);
    expect(told).toEqual(['up', 'failed cache_write']);
  });
});

describe('a Redis that is slow', () => {
  test('is out of use while its commands are still on their way, and in use when a probe is quick', async () => {
    const { guard, told, probes, answerProbe } = await startGuard();
    answerProbe(() => after(200, undefined));
    for (const operation of ['rate_limit', 'cache_read'] as const) {
      const reply = guard.run(operation, () => after(200, 'reply'));
      await vi.advanceTimersByTimeAsync(200);
      // Whoever waits already still gets the reply.
      await expect(reply).resolves.toBe('reply');
    }
    expect(told).toEqual(['up', 'failed cache_read', 'down']);
    await vi.advanceTimersByTimeAsync(2000);
    expect(guard.up).toBe(false);
    expect(probes()).toBeGreaterThan(2);
    answerProbe(() => after(100, undefined));
    await vi.advanceTimersByTimeAsync(700);
    expect(guard.up).toBe(true);
    expect(told).toEqual(['up', 'failed cache_read', 'down', 'up']);
  });

  test('for one command is in use', async () => {
    const { guard, told } = await startGuard();
    const reply = guard.run('cache_read', () => after(240, 'reply'));
    await vi.advanceTimersByTimeAsync(240);
    await expect(reply).resolves.toBe('reply');
    expect(told).toEqual(['up']);
  });
});

test('a Redis that was away is in use when a probe is answered, quickly or not', async () => {
  const { guard, answerProbe } = await startGuard();
  answerProbe(() => after(200, undefined));
  await expect(guard.run('cache_read', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  await vi.advanceTimersByTimeAsync(199);
  expect(guard.up).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(guard.up).toBe(true);
});

test('a guard that was stopped probes no more and tells nothing', async () => {
  const { guard, told, probes, answerProbe } = await startGuard();
  answerProbe(() => Promise.reject(new Error('away')));
  await expect(guard.run('cache_read', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  const before = probes();
  guard.stop();
  await vi.advanceTimersByTimeAsync(2000);
  expect(probes()).toBe(before);
  expect(told).toEqual(['up', 'failed cache_read', 'down']);
});
