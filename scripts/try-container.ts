/**
 * Runs a built image as production would, hardened, with an emulator and an issuer beside it, and uses it: what is in it,
 * how it is confined, health check, a miss, a hit, a 401, an error's place in the sources, its settings checked without a
 * start, and a stop that must end with exit code 0. It says how long the start took.
 *
 * `node scripts/try-container.ts TOOL IMAGE [REVISION]`, where `bash TOOL run NAME IMAGE NAME=VALUE…` starts a container
 * on the host's network and `bash TOOL podman …` is podman; REVISION is what the image was built with.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { freePort } from '../test/support/free-port.ts';
import { startMagicHourEmulator } from '../test/support/magic-hour-emulator.ts';
import { startTokenIssuer } from '../test/support/token-issuer.ts';
import { assertConfined, containersOf, lookUpTwice, say, until } from './containers.ts';
import { assertContent, assertLabels, assertSbom, SBOM_PATH } from './image-content.ts';

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 10;
const STOP_TIMEOUT_SECONDS = 30;

const [tool = '', image = '', revision] = process.argv.slice(2);
if (image === '') {
  process.stderr.write('usage: node scripts/try-container.ts TOOL IMAGE [REVISION]\n');
  process.exit(64);
}

const containers = containersOf(tool);
const name = `magic-hour-bff-try-${process.pid}`;
const faulty = `${name}-faulty`;
const emulator = await startMagicHourEmulator();
const issuer = await startTokenIssuer();
const [port, opsPort] = [await freePort(), await freePort()];
const service = `http://127.0.0.1:${port}`;
const project = `${service}/v1/image-projects/complete-in-a-container`;

// A run that is called off must not leave its container behind.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void removeContainer().finally(() => process.exit(1)));
}
try {
  const [readyAtMs] = await Promise.all([untilReady(), containers('run', name, image, ...settings())]);
  await lookAtStart(readyAtMs);
  await lookInside();
  await useIt();
  await stopIt();
  await breakIt();
  await checkSettings();
  say('the container was used and stopped as it should be');
} catch (error) {
  const log = await containers('podman', 'logs', name).catch(() => undefined);
  say(`the container's log:\n${log?.stdout ?? 'none'}${log?.stderr ?? ''}`);
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

async function lookInside(): Promise<void> {
  const { stdout: labels } = await containers(
    'podman',
    'image',
    'inspect',
    '--format',
    '{{json .Config.Labels}}',
    image,
  );
  assertLabels(z.record(z.string(), z.string()).parse(JSON.parse(labels)), revision);
  say('labels: as the OCI image spec has them');

  assertConfined(await evaluate('fs.readFileSync("/proc/1/status", "utf8")'));
  assert.match(await evaluate('fs.readlinkSync("/proc/1/exe")'), /\/node\n$/, 'process 1 is node itself');
  assert.match(await evaluate('fs.readFileSync("/proc/1/mounts", "utf8")'), /^\S+ \/ \S+ ro[, ]/m);
  say('process 1: node, not root, no capabilities, no new privileges, / is read-only');

  const files = await evaluate(
    'fs.readdirSync("/app", { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())' +
      '.map((entry) => path.relative("/app", path.join(entry.parentPath, entry.name))).join("\\n")',
  );
  assertContent(files.trim().split('\n'));
  say('content: what is built, its source maps, nothing for development');
  const sbom = await evaluate(`fs.readFileSync("${SBOM_PATH}", "utf8")`);
  const notices = await evaluate('fs.readFileSync("/app/dist/NOTICES.txt", "utf8")');
  say(`SBOM: ${assertSbom(sbom, notices)} packages, those of production`);
}

async function useIt(): Promise<void> {
  await containers('podman', 'healthcheck', 'run', name);
  say('health check: passed');

  await lookUpTwice(project, await issuer.token());
  assert.equal(emulator.count(), 1, 'two lookups cause one upstream request');
  assert.equal((await fetch(project)).status, 401);
  say('lookup without a token: 401');
  for (const path of ['/openapi.json', '/docs', '/docs/page.css', '/docs/page.js'])
    assert.equal((await fetch(`${service}${path}`)).status, 200, path);
  say('API description and its page: 200');

  const written = containers('podman', 'exec', name, 'node', '-e', 'fs.writeFileSync("/app/x", "")');
  await assert.rejects(written, /EROFS|EACCES/, 'the image writes nothing');
  say('write into the image: refused');
}

async function stopIt(): Promise<void> {
  await containers('podman', 'stop', '--time', String(STOP_TIMEOUT_SECONDS), name);
  const { stdout } = await containers('podman', 'inspect', '--format', '{{.State.ExitCode}}', name);
  assert.equal(stdout.trim(), '0', 'the exit code after a stop');
  say('stop: exit code 0');
}

/** With one of its files hidden the service has a fault; its log must say in which line of which source. */
async function breakIt(): Promise<void> {
  await containers(
    'podman',
    'run',
    '--detach',
    '--name',
    faulty,
    '--read-only',
    '--cap-drop',
    'ALL',
    '--tmpfs',
    '/app/docs:notmpcopyup',
    ...settings().flatMap((pair) => ['--env', pair]),
    image,
  );
  await untilReady();
  assert.equal((await fetch(`${service}/openapi.json`)).status, 500);
  const source = readFileSync(new URL('../src/service.ts', import.meta.url), 'utf8').split('\n');
  const line = 1 + source.findIndex((text) => text.includes("'../docs/openapi.json'"));
  await until(`src/service.ts:${line} in the log`, async () => {
    const { stdout } = await containers('podman', 'logs', faulty);
    return stdout.includes(`/src/service.ts:${line}:`) || undefined;
  });
  say(`source maps: an error was found in src/service.ts:${line}`);
}

/** Without a start; the arguments go to the service itself. */
async function checkSettings(): Promise<void> {
  const run = async (argument: string, ...pairs: string[]) =>
    await containers('podman', 'run', '--rm', ...pairs.flatMap((pair) => ['--env', pair]), image, argument);
  assert.match((await run('--check-config', ...settings())).stdout, /^the configuration is valid$/m);
  await assert.rejects(run('--check-config'), /: 78\n.*MAGIC_HOUR_API_KEY: .*AUTH_ISSUER: /s);
  const { stdout } = await run('--print-config', ...settings());
  assert.match(stdout, /^MAGIC_HOUR_API_KEY +<set> +environment$/m);
  assert.ok(!stdout.includes(emulator.apiKey), 'no secret is printed');
  say('--check-config: 0, and 78 with what is missing; --print-config: secrets masked');
}

/** @returns the time at which it was */
function untilReady(): Promise<number> {
  return until(
    'ready',
    async () => ((await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok ? Date.now() : undefined),
    { timeoutMs: START_TIMEOUT_MS, pollMs: POLL_MS },
  );
}

async function lookAtStart(readyAtMs: number): Promise<void> {
  const { stdout: startedAtMs } = await containers(
    'podman',
    'inspect',
    '--format',
    '{{.State.StartedAt.UnixMilli}}',
    name,
  );
  say(`start to ready: ${readyAtMs - Number(startedAtMs)} ms`);
  const { stderr } = await containers('podman', 'logs', name);
  assert.match(stderr, /code cache for ESM \S*\/dist\/run-\S+ was accepted/, 'the compile cache is used');
  say('compile cache: used');
}

/** @returns what an expression is in the container, by Node, as text */
async function evaluate(expression: string): Promise<string> {
  return (await containers('podman', 'exec', name, 'node', '--print', expression)).stdout;
}

async function removeContainer(): Promise<void> {
  await containers('podman', 'rm', '--force', '--ignore', '--time', '0', name, faulty).catch(
    (error: unknown) => {
      say(`could not remove ${name}: ${String(error)}`);
    },
  );
}
