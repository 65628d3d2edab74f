import { expect, onTestFinished, test } from 'vitest';
import {
  LIMIT,
  newName,
  openRedisReplicas,
  passing,
  REPLICAS,
  secretsOf,
  startRedisReplicas,
} from '../support/redis-replicas.ts';
import { type RedisServerOptions, startRedisServer } from '../support/redis-server.ts';
import { eventually } from '../support/stack.ts';

const PASSWORD = 'recognisable-redis-password';
const RECOVERY_MS = 2000;

async function startServer(options: RedisServerOptions = {}) {
  const server = await startRedisServer(options);
  onTestFinished(server.stop);
  return server;
}

test.each([
  {
    how: 'is refused',
    async start() {
      const server = await startServer();
      await server.kill();
      return { url: server.url, mend: () => server.restart() };
    },
  },
  {
    how: 'hangs',
    async start() {
      const server = await startServer();
      server.pause();
      return { url: server.url, mend: async () => server.resume() };
    },
  },
  {
    how: 'has another password',
    async start() {
      const server = await startServer({ password: 'another' });
      return {
        url: `redis://:${PASSWORD}@${server.host}:${server.port}`,
        mend: () => server.command('CONFIG', 'SET', 'requirepass', PASSWORD),
      };
    },
  },
  {
    how: 'asks for a password that the service was not given',
    async start() {
      const server = await startServer({ password: PASSWORD });
      return {
        url: `redis://${server.host}:${server.port}`,
        mend: () => server.command('CONFIG', 'SET', 'requirepass', ''),
      };
    },
  },
])('a Redis that $how at start is done without, and taken into use when it can be', async ({ start }) => {
  const { url, mend } = await start();
  const env = { REDIS_URL: url };
  const { first, second, statusesOf, inUse, purgeReaches, stop } = await openRedisReplicas(env);
  onTestFinished(stop);
  for (const replica of [first, second]) {
    expect(await statusesOf(newName('user'), LIMIT, [replica])).toEqual(passing(LIMIT / REPLICAS, LIMIT));
    expect(await replica.metric('redis_up')).toBe(0);
  }
  await mend();
  await eventually(inUse, RECOVERY_MS);
  expect(await statusesOf(newName('user'), LIMIT + 4)).toEqual(passing(LIMIT, LIMIT + 4));
  await eventually(purgeReaches, RECOVERY_MS);
  const logs = [...first.logs(), ...second.logs()].join('\n');
  expect(logs).toContain('"msg":"request"');
  for (const secret of [PASSWORD, ...secretsOf(env)]) expect(logs).not.toContain(secret);
});

test('a user who may not yet listen for purges hears of them as soon as that is allowed', async () => {
  const server = await startServer();
  const acl = (...rules: string[]) => server.command('ACL', 'SETUSER', 'service', ...rules);
  await acl('on', `>${PASSWORD}`, '~*', '+@all', 'resetchannels');
  const env = { REDIS_URL: `redis://service:${PASSWORD}@${server.host}:${server.port}` };
  const { purgeReaches, stop } = await startRedisReplicas(env);
  onTestFinished(stop);
  expect(await purgeReaches()).toBe(false);
  await acl('allchannels');
  await eventually(purgeReaches, RECOVERY_MS);
});
