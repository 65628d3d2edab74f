import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { redisCommand } from './redis-command.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedisServer({ password: 's3cret/@' });
});
afterAll(() => server.stop());

test('answers by its URL and tells what it was asked', async () => {
  const client = new Redis(server.url);
  await client.set('a:1', 'x');
  await client.set('b:1', 'x');
  client.disconnect();
  expect(await server.keys('a:*')).toEqual(['a:1']);
  expect(await server.commandCount('SET')).toBe(2);
  expect(await server.commandCount('getdel')).toBe(0);
});

test('pauses and goes on', async () => {
  server.pause();
  await expect(server.command('PING')).rejects.toThrow();
  server.resume();
  expect(await server.command('PING')).toBe('PONG');
});

test('is killed and comes back empty on the same port, also from a pause', async () => {
  const firstPid = server.pid;
  await server.kill();
  expect(server.pid).toBeUndefined();
  await expect(server.command('PING')).rejects.toThrow();
  await server.restart();
  expect(server.pid).not.toBe(firstPid);
  expect(await server.keys()).toEqual([]);
  server.pause();
  await server.restart();
  expect(await server.command('PING')).toBe('PONG');
});

test('stops from a pause, and says so when its port is taken', async () => {
  await expect(startRedisServer({ port: server.port })).rejects.toThrow('already in use');
  const other = await startRedisServer({ args: ['--maxmemory', '2mb'] });
  expect(await other.command('CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '2097152']);
  other.pause();
  await other.stop();
  await expect(other.command('PING')).rejects.toThrow();
});

test('dies with the process that started it, however that ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-orphan-'));
  const module = JSON.stringify(new URL('./redis-server.ts', import.meta.url));
  const script = `const { startRedisServer } = await import(${module}); console.log((await startRedisServer()).port);`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await once(parent.stdout, 'data');
  const address = { host: '127.0.0.1', port: Number(printed) };
  expect(await redisCommand(address, ['PING'])).toBe('PONG');
  parent.kill('SIGKILL');
  const ping = () => redisCommand(address, ['PING']).catch(() => 'gone');
  await expect.poll(ping, { timeout: 5000 }).toBe('gone');
  await rm(folder, { recursive: true });
});
