/**
 * Starts the service by the production overlay with the settings and the key that it is given, and stops it. Prometheus
 * is left out, whose image there is a stand-in and can't write to a volume; Grafana's can't be had. Redis' stand-in can
 * by root alone.
 *
 * `node scripts/try-compose-production.ts TOOL SERVICE-IMAGE`, as scripts/try-compose.ts.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../test/support/free-port.ts';
import { composeProject, resolveNames, useProject } from './compose-project.ts';
import { say, until } from './containers.ts';

const [tool = '', image = ''] = process.argv.slice(2);
if (image === '') {
  process.stderr.write('usage: node scripts/try-compose-production.ts TOOL SERVICE-IMAGE\n');
  process.exit(64);
}
const STAND_IN = 'redis-stand-in.yml';
const opsPort = await freePort();
const secrets = await mkdtemp(join(tmpdir(), 'magic-hour-bff-secrets-'));
const project = composeProject(tool, {
  name: `magic-hour-bff-production-${process.pid}`,
  files: ['docker-compose.yml', 'docker-compose.production.yml', join(secrets, STAND_IN)],
  variables: {
    BFF_IMAGE: image,
    SECRETS_FOLDER: secrets,
    PUBLISHED_PORT: String(await freePort()),
    PUBLISHED_OPS_PORT: String(opsPort),
    // Nobody is there; that is no reason not to be ready.
    AUTH_ISSUER: 'http://127.0.0.1:1',
    AUTH_AUDIENCE: 'nobody',
  },
});

process.once('exit', () => rmSync(secrets, { recursive: true }));
await writeSecrets();
await resolveNames();
await useProject(project, async () => {
  await listServices();
  await project.up('bff');
  const answer = await fetch(`http://127.0.0.1:${opsPort}/readyz`);
  assert.equal(answer.status, 200, await answer.text());
  say('production overlay: the service and Redis are healthy, and the service is ready');
  await seeWhatIsKept();
  const ends = await project.stop();
  assert.deepEqual(new Set(ends), new Set(['bff 0', 'redis 0']), 'exit codes after a stop');
  say(`stop: ${ends.join(', ')}`);
});

/** The container's user must be able to read them, whoever runs this. */
async function writeSecrets(): Promise<void> {
  await chmod(secrets, 0o755);
  await mkdir(join(secrets, 'bff'), { mode: 0o755 });
  await writeFile(join(secrets, 'bff/magic_hour_api_key'), 'no-key\n', { mode: 0o644 });
  await writeFile(join(secrets, STAND_IN), 'services: { redis: { user: "0:0" } }\n');
}

/** What is written to Redis is there after it was started again. */
async function seeWhatIsKept(): Promise<void> {
  const redis = (await project.containers()).find(({ service }) => service === 'redis');
  assert.ok(redis);
  const command = async (...words: string[]) =>
    (await project.podman('exec', redis.Id, 'redis-cli', ...words)).stdout.trim();
  assert.equal(await command('SET', 'kept', 'yes'), 'OK');
  await project.podman('restart', redis.Id);
  await until('what was written', async () => ((await command('GET', 'kept')) === 'yes' ? true : undefined));
  say('production overlay: Redis keeps what is written');
}

async function listServices(): Promise<void> {
  const { stdout } = await project.compose('--profile', 'grafana', 'config', '--services');
  assert.deepEqual(new Set(stdout.trim().split('\n')), new Set(['bff', 'redis', 'prometheus', 'grafana']));
  say('production overlay: without emulator and identity provider');
}
