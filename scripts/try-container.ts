/**
 * Runs a built image as production would, hardened, with an emulator and an issuer beside it, and uses it:
 * health check, a miss, a hit, a 401, and a stop that must end with exit code 0. It says how long the start took.
 *
 * `node scripts/try-container.ts TOOL IMAGE`, where `bash TOOL run NAME IMAGE NAME=VALUE…` starts a container on the
 * host's network and `bash TOOL podman …` is podman.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../test/support/free-port.ts';
import { startMagicHourEmulator } from '../test/support/magic-hour-emulator.ts';
import { startTokenIssuer } from '../test/support/token-issuer.ts';

const COMMAND_TIMEOUT_MS = 120_000;
const START_TIMEOUT_MS = 30_000;
const POLL_MS = 10;
const STOP_TIMEOUT_SECONDS = 30;

const [tool = '', image = ''] = process.argv.slice(2);
if (image === '') {
  process.stderr.write('usage: node scripts/try-container.ts TOOL IMAGE\n');
  process.exit(64);
}

const name = `magic-hour-bff-try-${process.pid}`;
const emulator = await startMagicHourEmulator();
const issuer = await startTokenIssuer();
const [port, opsPort] = [await freePort(), await freePort()];
const service = `http://127.0.0.1:${port}/v1/image-projects/complete-in-a-container`;

// A run that is called off must not leave its container behind.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void removeContainer().finally(() => process.exit(1)));
}
try {
  const [readyAtMs] = await Promise.all([untilReady(), containers('run', name, image, ...settings())]);
  await lookAtStart(readyAtMs);
  await useIt();
  await stopIt();
  say('the container was used and stopped as it should be');
} catch (error) {
  say(`the container's log:\n${await containers('podman', 'logs', name).catch(() => 'none')}`);
  throw error;
} finally {
  await Promise.all([removeContainer(), emulator.close(), issuer.close()]);
}

function settings(): string[] {
  return Object.entries({
    PORT: port,
    OPS_PORT: opsPort,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    MAGIC_HOUR_API_KEY: emulator.apiKey,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    // Node then says of each file whether it went by the compiled code that came with it.
    NODE_DEBUG_NATIVE: 'COMPILE_CACHE',
  }).map(([variable, value]) => `${variable}=${value}`);
}

async function useIt(): Promise<void> {
  await containers('podman', 'healthcheck', 'run', name);
  say('health check: passed');

  const headers = { authorization: `Bearer ${await issuer.token()}` };
  for (const expected of [/; fwd=uri-miss; fwd-status=200; stored/, /; hit; .*detail=memory/]) {
    const answer = await fetch(service, { headers });
    assert.equal(answer.status, 200, await answer.text());
    assert.match(answer.headers.get('cache-status') ?? '', expected);
    say(`lookup: 200, Cache-Status: ${answer.headers.get('cache-status')}`);
  }
  assert.equal(emulator.count(), 1, 'two lookups cause one upstream request');
  assert.equal((await fetch(service)).status, 401);
  say('lookup without a token: 401');

  const written = containers('podman', 'exec', name, 'node', '-e', 'fs.writeFileSync("/app/x", "")');
  await assert.rejects(written, /EROFS|EACCES/, 'the image writes nothing');
  say('write into the image: refused');
}

async function stopIt(): Promise<void> {
  await containers('podman', 'stop', '--time', String(STOP_TIMEOUT_SECONDS), name);
  const state = await containers('podman', 'inspect', '--format', '{{.State.ExitCode}}', name);
  assert.equal(state.trim(), '0', 'the exit code after a stop');
  say('stop: exit code 0');
}

/** @returns the time at which it was */
async function untilReady(): Promise<number> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  const ready = () =>
    fetch(`http://127.0.0.1:${opsPort}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await ready())) {
    assert.ok(Date.now() < deadline, `not ready after ${START_TIMEOUT_MS} ms`);
    await sleep(POLL_MS);
  }
  return Date.now();
}

async function lookAtStart(readyAtMs: number): Promise<void> {
  const startedAtMs = await containers(
    'podman',
    'inspect',
    '--format',
    '{{.State.StartedAt.UnixMilli}}',
    name,
  );
  say(`start to ready: ${readyAtMs - Number(startedAtMs)} ms`);
  const { stderr } = await promisify(execFile)('bash', [tool, 'podman', 'logs', name]);
  assert.match(stderr, /code cache for ESM \S*\/dist\/run-\S+ was accepted/, 'the compile cache is used');
  say('compile cache: used');
}

/** @returns what it printed; rejects with its exit code and stderr where that isn't 0 */
async function containers(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', [tool, ...args], { timeout: COMMAND_TIMEOUT_MS });
  return stdout;
}

async function removeContainer(): Promise<void> {
  await containers('podman', 'rm', '--force', '--ignore', '--time', '0', name).catch((error: unknown) => {
    say(`could not remove ${name}: ${String(error)}`);
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
