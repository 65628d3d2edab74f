import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { ConfigMap, Secret } from 'kubernetes-models/v1';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { kubectl, only, parseObjects, renderKustomization } from '../support/kubernetes.ts';
import { schemaFaults } from '../support/kubernetes-schemas.ts';

const run = promisify(execFile);

const FOLDER = fileURLToPath(new URL('../../config/kubernetes', import.meta.url));
const README = readFileSync(join(FOLDER, 'README.md'), 'utf8');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubernetes-readme-'));
  await cp(FOLDER, join(folder, 'magic-hour-bff/config/kubernetes'), { recursive: true });
});
afterAll(() => rm(folder, { recursive: true }));

/** The first block of code that holds a text, without the indentation that it has in a list. */
function block(text: string): string {
  const blocks = [...README.matchAll(/^( *)```\w+\n(.*?)^ *```/gms)];
  const [, indentation = '', code = ''] = blocks.find(([, , each]) => each?.includes(text)) ?? [];
  expect(code).toContain(text);
  return code.replaceAll(new RegExp(`^${indentation}`, 'gm'), '');
}

test('the overlay puts its own into all the places', async () => {
  const overlay = join(folder, 'overlay');
  await writeOverlay(overlay, block('kind: Kustomization'));
  const objects = await renderKustomization(overlay);
  expect(await schemaFaults(objects)).toEqual([]);
  expect(new Set(objects.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['magic-hour']));
  const map = only(objects, ConfigMap.is);
  expect(map.data).toMatchObject({ AUTH_ISSUER: 'https://id.example.com', SHUTDOWN_DELAY_SECONDS: '10' });
  const container = only(objects, Deployment.is).spec?.template.spec?.containers[0];
  expect(container?.image).toMatch(/^registry\.example\.com\/magic-hour-bff:\d/);
  expect(container?.envFrom?.[0]?.configMapRef?.name).toBe(map.metadata?.name);
  const callers = only(objects, NetworkPolicy.is).spec?.ingress?.map(
    ({ from }) => from?.[0]?.namespaceSelector,
  );
  expect(callers?.map((each) => each?.matchLabels)).toEqual([
    { 'kubernetes.io/metadata.name': 'my-ingress-controller' },
    { 'kubernetes.io/metadata.name': 'my-monitoring' },
  ]);
  expect(only(objects, ServiceMonitor.is).metadata?.labels).toHaveProperty('release');
});

test('the Secret has the keys that the Deployment asks for', async () => {
  const [command = ''] = /kubectl .*create secret .*/.exec(block('create secret')) ?? [];
  const args = command
    .split(' ')
    .slice(1)
    .map((arg) => arg.replace(/^--from-file=/, `$&${folder}/`));
  await writeFile(join(folder, 'api-key'), 'mhk_of_this_test');
  await writeFile(join(folder, 'redis-url'), 'redis://redis:6379');
  const made = only(parseObjects(await kubectl(...args, '--dry-run=client', '-o', 'yaml')), Secret.is);
  const pod = only(await renderKustomization(FOLDER), Deployment.is).spec?.template.spec;
  const mounted = pod?.volumes?.map(({ secret }) => [secret?.secretName, secret?.items?.[0]?.key]);
  const named = pod?.containers[0]?.env?.map(({ valueFrom }) => valueFrom?.secretKeyRef).filter(Boolean);
  expect([...(mounted ?? []), ...(named ?? []).map((ref) => [ref?.name, ref?.key])]).toEqual(
    Object.keys(made.data ?? {}).map((key) => [made.metadata?.name, key]),
  );
});

test("the alerts' rules become an object for prometheus-operator", async () => {
  const rules = {
    groups: [{ name: 'one', rules: [{ alert: 'A', expr: 'up == 0', for: '5m', labels: { a: 'b' } }] }],
  };
  await mkdir(join(folder, 'config/prometheus'), { recursive: true });
  await writeFile(join(folder, 'config/prometheus/alerts.yml'), `# why\n${stringify(rules)}`);
  const command = block('PrometheusRule').replace(/\| kubectl .*/, '');
  const { stdout } = await run('/bin/sh', ['-c', command], { cwd: folder });
  const objects = parseObjects(stdout);
  expect(objects).toMatchObject([{ kind: 'PrometheusRule', spec: rules }]);
  expect(await schemaFaults(objects)).toEqual([]);
});

const overlaySchema = z.looseObject({
  resources: z.array(z.string()),
  patches: z.array(z.object({ target: z.record(z.string(), z.string()), patch: z.string() })),
});

/**
 * In words that kubectl 1.20 knows as well, which Debian 12 has: it had other names for folders and patches, under which
 * newer ones take them, too.
 */
async function writeOverlay(to: string, text: string): Promise<void> {
  const { resources, patches, ...others } = overlaySchema.parse(parse(text));
  await mkdir(to);
  const named = patches.map(({ target, patch }, index) => ({ target, path: `${index}.yaml`, patch }));
  for (const { path, patch } of named) await writeFile(join(to, path), patch);
  const patchesJson6902 = named.map(({ target, path }) => ({ target, path }));
  await writeFile(
    join(to, 'kustomization.yaml'),
    stringify({ ...others, bases: resources, patchesJson6902 }),
  );
}
