import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { ConfigMap } from 'kubernetes-models/v1';
import { expect, onTestFinished, test } from 'vitest';
import { type Config, loadConfig, readVariables } from '../../src/config.ts';
import { only, renderKustomization } from '../support/kubernetes.ts';

const ROOT = new URL('../../', import.meta.url);

const objects = await renderKustomization(fileURLToPath(new URL('config/kubernetes', ROOT)));
const pod = only(objects, Deployment.is).spec?.template.spec;
const container = pod?.containers[0];
const map = only(objects, ConfigMap.is);
const SECRETS = { 'redis-url': 'redis://:password@redis:6379', 'api-key': 'mhk_of_this_test' };

/** The environment as the kubelet makes it, with the mounted folder in a temporary place. */
async function environment(): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'secret-volume-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const { key, path } of pod?.volumes?.[0]?.secret?.items ?? [])
    await writeFile(join(folder, path), secret(key));
  const env = container?.env?.map(({ name, value, valueFrom }) => {
    if (value === undefined) return [name, secret(valueFrom?.secretKeyRef?.key)];
    const mounted = container.volumeMounts?.some(({ mountPath }) => mountPath === dirname(value));
    return [name, mounted ? join(folder, basename(value)) : value];
  });
  return { ...map.data, ...Object.fromEntries(env ?? []) };
}

function secret(key: string | undefined): string {
  const found = Object.entries(SECRETS).find(([name]) => name === key)?.[1];
  if (found === undefined) throw new Error(`a secret that nobody is told to make: ${key}`);
  return found;
}

const load = async (): Promise<Config> => loadConfig(await environment());

test("the container takes the map that is rendered, and all names in it are the service's settings", async () => {
  expect(container?.envFrom).toEqual([{ configMapRef: { name: map.metadata?.name } }]);
  const known = Object.values(readVariables()).flatMap((group) => Object.values(group));
  expect(known).toEqual(expect.arrayContaining(Object.keys(await environment())));
});

test('the service takes the settings, and both secrets where they are mounted', async () => {
  const config = await load();
  expect(config.redis.url).toBe(SECRETS['redis-url']);
  const { apiKey } = config.upstream;
  expect(readFileSync('file' in apiKey ? apiKey.file : '', 'utf8')).toBe(SECRETS['api-key']);
});

test('both listeners are where the pod network reaches them', async () => {
  const { http, ops } = await load();
  expect([http.host, ops.host]).toEqual(['0.0.0.0', '0.0.0.0']);
  expect(container?.ports?.map(({ containerPort }) => containerPort)).toEqual([http.port, ops.port]);
});

test('a pod has the time to end: preStop, delay, the longest lookup, and some to spare before it is killed', async () => {
  const { shutdown, upstream } = await load();
  expect(shutdown.graceSeconds).toBeGreaterThan(shutdown.delaySeconds + upstream.deadlineMs / 1000);
  const preStopSeconds = container?.lifecycle?.preStop?.sleep?.seconds ?? 0;
  expect(preStopSeconds).toBeGreaterThan(0);
  expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(preStopSeconds + shutdown.graceSeconds);
});

test('the delay is longer than the probes take to find a pod unready', async () => {
  const { periodSeconds = 10, failureThreshold = 3, timeoutSeconds = 1 } = container?.readinessProbe ?? {};
  const { shutdown } = await load();
  expect(shutdown.delaySeconds).toBeGreaterThan(periodSeconds * failureThreshold + timeoutSeconds);
});

test('limits reckon with the fewest replicas, so that nobody is refused early', async () => {
  const { rateLimit } = await load();
  expect(rateLimit.expectedReplicas).toBe(only(objects, HorizontalPodAutoscaler.is).spec?.minReplicas);
});

test('a new key in the Secret reaches the file: a folder is mounted, and no single file', () => {
  const [mount, ...others] = container?.volumeMounts ?? [];
  expect(others).toEqual([]);
  expect(mount).not.toHaveProperty('subPath');
  expect(pod?.volumes?.map(({ name }) => name)).toEqual([mount?.name]);
});

test('nothing that is rendered holds a secret', () => {
  expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  for (const name of secretVariables()) {
    expect(map.data).not.toHaveProperty(name);
    expect(container?.env?.find((variable) => variable.name === name)?.value).toBeUndefined();
  }
  expect(JSON.stringify(objects)).not.toMatch(/:\/\/[^/"]*@|mhk_|BEGIN/);
});

/** Those whose comment in default.yaml ends in "Secret." */
function secretVariables(): string[] {
  const text = readFileSync(new URL('config/default.yaml', ROOT), 'utf8');
  const names = [...text.matchAll(/Secret\.\n {2}(\w+):/g)].map(([, name]) => name);
  const variables = Object.values(readVariables())
    .flatMap((group) => Object.entries(group))
    .filter(([name]) => names.includes(name))
    .map(([, variable]) => variable);
  expect(variables).toEqual(expect.arrayContaining(['MAGIC_HOUR_API_KEY', 'REDIS_URL']));
  return variables;
}
