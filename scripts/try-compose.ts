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
  for (const [expression, expected] of [
    ['up{job="magic-hour-bff"}', '1'],
    ['redis_up', '1'],
    ['lookups_total{kind="image",result="miss"}', '1'],
    ['lookups_total{kind="image",result="memory_hit"}', '1'],
  ] as const) {
    await until(`${expression} is ${expected}`, async () => {
      const { data } = z
        .object({
          data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
        })
        .parse(await prometheus(`query?${new URLSearchParams({ query: expression })}`));
      return (data.result.length === 1 && data.result[0]?.value[1] === expected) || undefined;
    });
    say(`Prometheus: ${expression} is ${expected}`);
  }

  const rules = await until('each rule evaluated', async () => {
    const { data } = z
      .object({
        data: z.object({
          groups: z.array(
            z.object({
              rules: z.array(
                z.object({ name: z.string(), health: z.string(), lastError: z.string().optional() }),
              ),
            }),
          ),
        }),
      })
      .parse(await prometheus('rules'));
    const all = data.groups.flatMap((group) => group.rules);
    return (all.length > 0 && all.every(({ health }) => health !== 'unknown') && all) || undefined;
  });
  assert.deepEqual(
    rules.filter(({ health }) => health !== 'ok'),
    [],
    'no rule fails',
  );
  say(`Prometheus: ${rules.length} rules are loaded, and none fails`);
}

async function prometheus(path: string): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${prometheusPort}/api/v1/${path}`)).json();
}

async function stopIt(): Promise<void> {
  await world.stop();
  const ends = (await world.containers()).map(({ service, State }) => `${service} ${State.ExitCode}`);
  assert.ok(ends.includes('bff 0'), `exit codes after a stop: ${ends}`);
  say(`stop: ${ends.join(', ')}`);
}
