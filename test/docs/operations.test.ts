import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { FORMAT_VERSION } from '../../src/cache/answer-codec.ts';
import { findOrInstall } from '../support/debian-program.ts';
import { startReplica, whenFollowed } from '../support/fleet.ts';
import { EMULATOR_API_KEY, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { eventually, startStack } from '../support/stack.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';
import { commandsUnder, textOf } from './markdown.ts';

const page = textOf('docs/operations.md');

test('what is deployed is tried by the commands of the page', async () => {
  await findOrInstall('curl', 'curl');
  const { service, issuer } = await startStack();
  const { stdout } = await promisify(execFile)('sh', ['-euc', commandsUnder(page, '## Deploy').join('\n')], {
    env: {
      PATH: process.env.PATH,
      BFF: service.publicUrl,
      OPS: service.opsUrl,
      TOKEN: await issuer.token(),
      ID: 'complete-1',
    },
  });
  expect(stdout).toContain('"upstream"');
  expect(stdout).toMatch(/^Cache-Status: .*; stored/im);
  expect(stdout).toMatch(/^build_info\{/m);
  expect(stdout).toMatch(/^redis_up 0$/m);
  expect(stdout).toMatch(/^lookups_total\{kind="image",result="miss"\} 1$/m);
});

test('the key is rotated by the commands of the page, with no request refused by anybody', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rotate-key-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'secrets/bff'), { recursive: true });
  const file = join(folder, 'secrets/bff/magic_hour_api_key');
  writeFileSync(file, EMULATOR_API_KEY);
  const { lookup, emulator, metric } = await startStack({
    env: { MAGIC_HOUR_API_KEY: '', MAGIC_HOUR_API_KEY_FILE: file },
  });
  const newKey = 'mhk_test_the_new_key';
  emulator.setApiKeys([EMULATOR_API_KEY, newKey]);

  execFileSync('sh', ['-euc', commandsUnder(page, '## Rotate the Magic Hour key').join('\n')], {
    cwd: folder,
    env: { ...process.env, NEW_KEY: newKey },
  });
  let asked = 0;
  await eventually(async () => {
    expect((await lookup(`complete-${++asked}`)).status).toBe(200);
    return emulator.requests.at(-1)?.headers.authorization === `Bearer ${newKey}`;
  }, 10_000);
  emulator.setApiKeys([newKey]);
  expect((await lookup('complete-after')).status).toBe(200);
  expect(await metric('upstream_key_rejections_total')).toBe(0);
});

describe("Redis' user", () => {
  /** Arguments of each `redis-cli` line. */
  const rules = (heading: string) =>
    commandsUnder(page, heading)
      .filter((line) => line.startsWith('redis-cli '))
      .map((line) => (line.match(/'[^']*'|\S+/g) ?? []).slice(1).map((word) => word.replaceAll("'", '')));

  async function startRedisWithUser() {
    const [redis, emulator, issuer] = await Promise.all([
      startRedisServer(),
      startMagicHourEmulator(),
      startTokenIssuer(),
    ]);
    onTestFinished(async () => void (await Promise.all([redis.stop(), emulator.close(), issuer.close()])));
    const run = async (rule: readonly string[] = []) => {
      const [name = '', ...args] = rule;
      expect(await redis.command(name, ...args)).toBe('OK');
    };
    await run(rules('## Redis')[0]);
    // Whoever comes without a password is nobody; the test itself asks as the default user.
    const urlWith = (password: string) => `redis://bff:${password}@${redis.host}:${redis.port}`;
    const start = (password: string) =>
      startReplica({ REDIS_URL: urlWith(password), RATE_LIMIT_MAX: '3' }, { emulator, issuer });
    return { redis, emulator, run, start, urlWith, beside: { emulator, issuer } };
  }

  test('needs no more than the page gives it', async () => {
    // ioredis writes there by itself where INFO is refused.
    const warned = vi.spyOn(console, 'warn');
    onTestFinished(() => warned.mockRestore());
    const { redis, emulator, start } = await startRedisWithUser();
    const [a, b] = [await start('OLD-PASSWORD'), await start('OLD-PASSWORD')];
    emulator.project('p1', { status: 'complete' });
    emulator.holdAll();
    const led = a.lookup('p1');
    await emulator.whenRequested('p1');
    const followed = b.lookup('p1');
    await whenFollowed(redis, 'p1');
    emulator.release();
    for (const answer of await Promise.all([led, followed])) expect(answer.status).toBe(200);
    expect(emulator.count('p1')).toBe(1);

    // The limit is of both together.
    expect((await a.lookup('p1')).status).toBe(200);
    expect((await b.lookup('p1')).status).toBe(429);

    expect((await a.ops.request('/cache/image-projects/p1', { method: 'DELETE' })).status).toBe(204);
    let user = 0;
    // The other one hears of it.
    await eventually(async () => {
      await b.lookup('p1', { user: `user-${++user}` });
      return emulator.count('p1') === 2;
    });
    for (const { metric, ops } of [a, b]) {
      expect(await metric('redis_up')).toBe(1);
      expect((await ops.request('/metrics')).body.toString()).not.toMatch(/^redis_errors_total\{.*\} [1-9]/m);
    }
    expect(warned).not.toHaveBeenCalled();
  });

  test('gets another password by the commands of the page while replicas are restarted', async () => {
    const { run, start, urlWith, beside } = await startRedisWithUser();
    const [add, remove] = rules('## Rotate other secrets');
    const before = await start('OLD-PASSWORD');
    await run(add);
    const after = await start('NEW-PASSWORD');
    expect(await before.metric('redis_up')).toBe(1);
    await run(remove);
    for (const { lookup, metric } of [before, after]) {
      expect((await lookup('complete-1')).status).toBe(200);
      expect(await metric('redis_up')).toBe(1);
    }
    const left = await startStack({ env: { REDIS_URL: urlWith('OLD-PASSWORD') }, beside });
    await eventually(() => left.logs().some((line) => line.includes('Redis can’t be reached')));
    expect(left.logs().join('\n')).toContain('WRONGPASS');
    expect((await left.lookup('complete-2')).status).toBe(200);
  });
});

test("the keys of the page's tables are those of the present format", () => {
  const versions = new Set([...page.matchAll(/`mhbff:v(\d+):\{/g)].map(([, version]) => Number(version)));
  expect([...versions]).toEqual([FORMAT_VERSION]);
});
