import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig, readVariables } from '../../src/config.ts';
import { EMULATOR_API_KEY } from '../support/magic-hour-emulator.ts';
import { findPromtool, startPrometheus } from '../support/prometheus.ts';

const serviceSchema = z.object({
  user: z.string().optional(),
  build: z.unknown().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  pids_limit: z.number().optional(),
  mem_limit: z.string().optional(),
  cpus: z.number().optional(),
  restart: z.string().optional(),
  healthcheck: z.unknown().optional(),
  stop_grace_period: z.string().optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()]).nullable()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  command: z.array(z.string()).default([]),
});
const fileSchema = z.object({ services: z.record(z.string(), serviceSchema) });

const read = (path: string): unknown => parse(readFileSync(path, 'utf8'), { merge: true });
const common = fileSchema.parse(read('docker-compose.yml')).services;
const world = fileSchema.parse(read('docker-compose.override.yml')).services;
const production = fileSchema.parse(read('docker-compose.production.yml')).services;
const dockerfile = readFileSync('Dockerfile', 'utf8');
const defaults = loadConfig({
  MAGIC_HOUR_API_KEY: 'key',
  AUTH_ISSUER: 'https://issuer.example',
  AUTH_AUDIENCE: 'audience',
});

/** Settings that no operator of the composed service sets: secrets come as files, and the container's own listeners. */
const NOT_PASSED = [
  'MAGIC_HOUR_API_KEY',
  'SESSION_CLIENT_SECRET',
  'SESSION_ENCRYPTION_KEYS',
  'MAGIC_HOUR_API_KEY_NEXT',
  'WEBHOOK_SECRET',
  'WEBHOOK_SECRET_NEXT',
  'AUTH_INTROSPECTION_CLIENT_SECRET',
  'HOST',
  'PORT',
  'OPS_HOST',
  'OPS_PORT',
];
/** Node's own. */
const NOT_SETTINGS = ['NODE_EXTRA_CA_CERTS'];

describe('the composed service', () => {
  test('is passed every setting that an operator may set, and nothing that is none', () => {
    const settings = Object.values(readVariables()).flatMap((names) => Object.values(names));
    const passed = Object.keys(common.bff?.environment ?? {});
    expect(passed.toSorted()).toEqual(
      [...settings.filter((name) => !NOT_PASSED.includes(name)), ...NOT_SETTINGS].toSorted(),
    );
    for (const { bff } of [world, production])
      expect(passed).toEqual(expect.arrayContaining(Object.keys(bff?.environment ?? {})));
  });

  test('publishes, exposes and probes the ports that it listens on', () => {
    const { http, ops } = defaults;
    const portsInside = (service: typeof common.bff) => service?.ports.map((port) => port.split(':').at(-1));
    expect(portsInside(common.bff)).toEqual([`${ops.port}`]);
    expect(portsInside(world.bff)).toEqual([`${http.port}`]);
    expect(portsInside(production.bff)).toEqual([`${http.port}`]);
    expect(dockerfile).toContain(`EXPOSE ${http.port} ${ops.port}\n`);
    expect(dockerfile).toContain(`(process.env.OPS_PORT || ${ops.port}) + '/livez'`);
  });

  test('is given more time to stop than it takes', () => {
    expect(Number.parseInt(common.bff?.stop_grace_period ?? '', 10)).toBeGreaterThan(
      defaults.shutdown.graceSeconds,
    );
  });
});

describe('all composed services', () => {
  test('are confined, limited and health-checked, and are not root', () => {
    const { emulator, issuer } = world;
    for (const [name, service] of Object.entries({ ...common, emulator, issuer })) {
      expect(service, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        pids_limit: expect.any(Number),
        mem_limit: expect.any(String),
      });
      const isOurs = service?.build !== undefined;
      expect(isOurs || /^[1-9]\d*:/.test(service?.user ?? ''), `${name} has a user`).toBe(true);
      expect(name === 'bff' || service?.healthcheck !== undefined, `${name} has a health check`).toBe(true);
    }
    expect(dockerfile.match(/^USER (?!0:0)/gm)?.length).toBeGreaterThan(1);
  });

  test('are reached from this machine alone, but for the service in production', () => {
    const published = [common, world].flatMap((file) => Object.values(file).flatMap(({ ports }) => ports));
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    const inProduction = Object.entries(production).filter(([, { ports }]) => ports.length > 0);
    expect(inProduction.map(([name]) => name)).toEqual(['bff']);
  });

  test('are restarted and limited in production, where none stands in for another', () => {
    expect(Object.keys(production).toSorted()).toEqual(Object.keys(common).toSorted());
    for (const [name, service] of Object.entries(production))
      expect(service, name).toMatchObject({ restart: expect.any(String), cpus: expect.any(Number) });
    expect(production.bff?.environment).not.toHaveProperty('MAGIC_HOUR_BASE_URL');
  });
});

test("the demonstration's key is the emulator's", () => {
  expect(readFileSync('config/demo/magic_hour_api_key', 'utf8')).toBe(`${EMULATOR_API_KEY}\n`);
});

test('Prometheus finds nothing wrong with its configuration, which scrapes the ops listener', async () => {
  await promisify(execFile)(await findPromtool(), ['check', 'config', 'config/prometheus/prometheus.yml']);
  expect(read('config/prometheus/prometheus.yml')).toMatchObject({
    scrape_configs: [
      { job_name: 'magic-hour-bff', static_configs: [{ targets: [`bff:${defaults.ops.port}`] }] },
    ],
  });
});

test.each([
  ['in production', common],
  ['in the demonstration', world],
])('Prometheus answers no page of another origin, %s', async (_where, { prometheus }) => {
  const flags = prometheus?.command.filter((flag) => flag.startsWith('--web.')) ?? [];
  const { url, stop } = await startPrometheus({ targets: [], flags });
  onTestFinished(stop);
  for (const origin of ['https://attacker.example', 'http://127.0.0.1:3000', 'null']) {
    const answer = await fetch(`${url}/api/v1/query?query=1`, { headers: { origin } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  }
});

test('Grafana lets nobody in by a password that all know, where it asks for none', () => {
  expect(world.grafana?.environment).toMatchObject({
    GF_AUTH_ANONYMOUS_ENABLED: 'true',
    GF_AUTH_DISABLE_LOGIN_FORM: 'true',
    GF_AUTH_BASIC_ENABLED: 'false',
  });
  expect(world.grafana?.environment).not.toHaveProperty('GF_AUTH_ANONYMOUS_ORG_ROLE');
  for (const { grafana } of [common, production])
    expect(grafana?.environment).not.toHaveProperty('GF_AUTH_ANONYMOUS_ENABLED');
  expect(production.grafana?.environment).toHaveProperty('GF_SECURITY_ADMIN_PASSWORD__FILE');
});

test('Grafana is given the data source that the dashboards go by, and the folder that they are in', () => {
  expect(read('config/grafana/provisioning/datasources/prometheus.yaml')).toMatchObject({
    datasources: [{ uid: 'prometheus', type: 'prometheus', url: 'http://prometheus:9090' }],
  });
  expect(read('config/grafana/provisioning/dashboards/magic-hour-bff.yaml')).toMatchObject({
    providers: [{ type: 'file', options: { path: '/etc/grafana/dashboards' } }],
  });
  expect(common.grafana?.volumes).toContain('./config/grafana/dashboards:/etc/grafana/dashboards:ro');
});
