/**
 * Brings up what `docker compose up` does, Grafana excepted, and uses it as a newcomer would: a token from the identity
 * provider, a project looked up twice, both lookups seen in Prometheus, whose rules are loaded. Then it stops all and
 * removes all. Ports of the host are free ones.
 *
 * `node scripts/try-compose.ts TOOL SERVICE-IMAGE EMULATOR-IMAGE`, both of them built before; TOOL as in compose-project.ts.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { freePort } from '../test/support/free-port.ts';
import { prometheusClient } from '../test/support/prometheus-client.ts';
import { composeProject, resolveNames, useProject } from './compose-project.ts';
import { assertConfined, lookUpTwice, say, until } from './containers.ts';

/** In the order in which they may start: each line once the one above it is healthy. */
const ORDER = [['emulator', 'issuer', 'redis'], ['bff'], ['prometheus']];
const SERVICES = ORDER.flat();

const [tool = '', image = '', emulatorImage = ''] = process.argv.slice(2);
if (emulatorImage === '') {
  process.stderr.write('usage: node scripts/try-compose.ts TOOL SERVICE-IMAGE EMULATOR-IMAGE\n');
  process.exit(64);
}
const port = await freePort();
const issuerPort = await freePort();
const prometheusPort = await freePort();
const world = composeProject(tool, {
  name: `magic-hour-bff-try-${process.pid}`,
  variables: {
    BFF_IMAGE: image,
    EMULATOR_IMAGE: emulatorImage,
    PUBLISHED_PORT: String(port),
    PUBLISHED_OPS_PORT: String(await freePort()),
    PUBLISHED_ISSUER_PORT: String(issuerPort),
    PUBLISHED_PROMETHEUS_PORT: String(prometheusPort),
  },
});

await resolveNames();
await useProject(world, async () => {
  await world.up();
  await lookAtContainers();
  await useIt();
  await askPrometheus();
  await stopIt();
});
say('the composed services were used, stopped and removed as it should be');

async function lookAtContainers(): Promise<void> {
  const containers = await world.containers();
  assert.deepEqual(new Set(containers.map(({ service }) => service)), new Set(SERVICES));
  say(`healthy: ${SERVICES.join(', ')}`);

  const key = readFileSync(new URL('../config/demo/magic_hour_api_key', import.meta.url), 'utf8').trim();
  for (const { Id, service, HostConfig, Config } of containers) {
    assertConfined((await world.podman('exec', Id, 'cat', '/proc/1/status')).stdout);
    assert.ok(HostConfig.ReadonlyRootfs, `${service}: the root file system is read-only`);
    assert.ok(
      HostConfig.PidsLimit > 0 && HostConfig.Memory > 0,
      `${service}: processes and memory are limited`,
    );
    assert.ok(!Config.Env.join().includes(key), `${service}: no secret in the environment`);
  }
  say('each of them: not root, no capabilities, read-only, limited, no secret in its environment');

  const started = ORDER.map((names) =>
    containers.filter(({ service }) => names.includes(service)).map(({ State }) => State.StartedAt.getTime()),
  );
  for (const [line, times] of started.slice(1).entries())
    assert.ok(Math.min(...times) > Math.max(...(started[line] ?? [])), 'they start in order');
  say('order: each after what it depends on');
}

async function useIt(): Promise<void> {
  const { access_token } = z
    .object({ access_token: z.string() })
    .parse(await (await fetch(`http://127.0.0.1:${issuerPort}/token?sub=alice`)).json());
  say('token: from the identity provider');

  await lookUpTwice(`http://127.0.0.1:${port}/v1/image-projects/complete-composed`, access_token);
}

async function askPrometheus(): Promise<void> {
  const prometheus = prometheusClient(`http://127.0.0.1:${prometheusPort}`);
  for (const expression of [
    'up{job="magic-hour-bff"}',
    'redis_up',
    'lookups_total{kind="image",result="miss"}',
    'lookups_total{kind="image",result="memory_hit"}',
  ]) {
    await until(`${expression} is 1`, async () => {
      const samples = await prometheus.query(expression);
      return (samples.length === 1 && samples[0]?.value === 1) || undefined;
    });
    say(`Prometheus: ${expression} is 1`);
  }

  const rules = await until('each rule evaluated', async () => {
    const all = await prometheus.rules();
    return (all.length > 0 && all.every(({ health }) => health !== 'unknown') && all) || undefined;
  });
  assert.deepEqual(
    rules.filter(({ health }) => health !== 'ok'),
    [],
    'no rule fails',
  );
  say(`Prometheus: ${rules.length} rules are loaded, and none fails`);
}

async function stopIt(): Promise<void> {
  const ends = await world.stop();
  assert.ok(ends.includes('bff 0'), `exit codes after a stop: ${ends}`);
  say(`stop: ${ends.join(', ')}`);
}
