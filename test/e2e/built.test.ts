import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noticesFor } from '../../scripts/notices.ts';
import { type BuiltService, buildService } from '../support/built-service.ts';
import { freePort } from '../support/free-port.ts';
import { startIdentityProvider } from '../support/identity-provider.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { runProgram, type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { sessionSettings } from '../support/session-stack.ts';
import { eventually } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';
import { createUserAgent } from '../support/user-agent.ts';

let built: BuiltService;
let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let service: ServiceProcess;

beforeAll(async () => {
  [built, emulator, issuer] = await Promise.all([
    buildService(),
    startMagicHourEmulator(),
    startTokenIssuer(),
  ]);
  service = await startServiceProcess(
    {
      MAGIC_HOUR_API_KEY: emulator.apiKey,
      MAGIC_HOUR_BASE_URL: emulator.baseUrl,
      AUTH_ISSUER: issuer.issuer,
      AUTH_AUDIENCE: issuer.audience,
    },
    built.args,
  );
});
afterAll(async () => {
  service.kill('SIGKILL');
  await Promise.all([service.exited, emulator.close(), issuer.close()]);
  await built.remove();
});

describe('the built service', () => {
  test('answers a lookup with nothing but its own files', async () => {
    const answer = await fetch(`${service.publicUrl}/v1/image-projects/complete-built`, {
      headers: { authorization: `Bearer ${await issuer.token()}` },
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ id: 'complete-built', status: 'complete' });
  });

  test('has the status page with its style and its script', async () => {
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/status.css', 'text/css'],
      ['/status.js', 'text/javascript'],
    ]) {
      const { status, headers } = await fetch(`${service.opsUrl}${path}`);
      expect([path, status, headers.get('content-type')]).toEqual([path, 200, `${type}; charset=utf-8`]);
    }
  });

  test('has logins of browsers, whose library is loaded for them', async () => {
    const baseUrl = `http://127.0.0.1:${await freePort()}`;
    const [provider, redis] = await Promise.all([startIdentityProvider({ baseUrl }), startRedisServer()]);
    const replica = await startServiceProcess(
      {
        ...sessionSettings(provider, redis, baseUrl),
        PORT: new URL(baseUrl).port,
        MAGIC_HOUR_API_KEY: emulator.apiKey,
        MAGIC_HOUR_BASE_URL: emulator.baseUrl,
      },
      built.args,
    );
    try {
      await eventually(() => replica.lines.some((line) => line.includes('redis_connected')));
      const agent = createUserAgent();
      const page = await agent.follow(`${baseUrl}/auth/login`);
      await agent.follow(`${page.url}?user=alice`, (url) => url === `${baseUrl}/`);
      const me = await agent.request(`${baseUrl}/auth/me`, { headers: { 'X-CSRF': '1' } });
      expect(me.json()).toMatchObject({ subject: 'alice' });
    } finally {
      replica.kill('SIGKILL');
      await Promise.all([replica.exited, provider.close(), redis.stop()]);
    }
  });

  test('names the line of the source where an error arose', async () => {
    expect((await fetch(`${service.publicUrl}/openapi.json`)).status).toBe(500);
    const source = (await readFile('src/service.ts', 'utf8')).split('\n');
    const line = 1 + source.findIndex((text) => text.includes("'../docs/openapi.json'"));
    await expect
      .poll(() => service.lines.some((text) => text.includes(`/src/service.ts:${line}:`)))
      .toBe(true);
  });

  test('checks and prints its configuration without starting, beside one that runs', async () => {
    const env = {
      MAGIC_HOUR_API_KEY: emulator.apiKey,
      AUTH_ISSUER: issuer.issuer,
      AUTH_AUDIENCE: issuer.audience,
      PORT: new URL(service.publicUrl).port,
    };
    expect(await runProgram(env, ['--check-config'], built.args)).toEqual({
      code: 0,
      stdout: 'the configuration is valid\n',
      stderr: expect.stringContaining('no Redis is configured'),
    });
    expect((await runProgram({}, ['--check-config'], built.args)).code).toBe(78);
    const { code, stdout } = await runProgram(env, ['--print-config'], built.args);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^MAGIC_HOUR_API_KEY +<set> +environment$/m),
    });
  });

  test('stops on SIGTERM with 0', async () => {
    service.kill('SIGTERM');
    expect(await service.exited).toEqual({ code: 0, signal: null });
  });
});

test('the notices give a licence for each package that was built in, and none for others', async () => {
  const notices = noticesFor(built.files);
  for (const name of ['express', 'zod', '@ioredis/commands']) {
    expect(notices).toMatch(new RegExp(`^${name} [0-9.]+: MIT\n\n.*Permission is hereby granted`, 'ms'));
  }
  for (const name of ['vitest', 'esbuild', 'fastify']) expect(notices).not.toContain(`\n${name} `);
});
