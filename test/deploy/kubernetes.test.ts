import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Service, ServiceAccount } from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { OPS_ROUTES } from '../../src/ops-app.ts';
import { allOf, only, renderKustomization, selects } from '../support/kubernetes.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

const objects = await renderKustomization(fileURLToPath(new URL('config/kubernetes', ROOT)));
const deployment = only(objects, Deployment.is);
const autoscaler = only(objects, HorizontalPodAutoscaler.is);
const policy = only(objects, NetworkPolicy.is).spec;
const services = allOf(objects, Service.is);
const pod = deployment.spec?.template;
const container = pod?.spec?.containers[0];
const podLabels = pod?.metadata?.labels;

const PORTS = z
  .object({ http: z.object({ port: z.number() }), ops: z.object({ port: z.number() }) })
  .parse(parse(read('config/default.yaml')));

/** What docs/sizing.md says a replica takes. */
const SIZING = z
  .object({ busy: z.coerce.number(), mib: z.coerce.number(), kb: z.coerce.number(), connections: z.string() })
  .transform(({ busy, mib, kb, connections }) => ({
    millicores: busy * 10,
    mib,
    mibAtMost: mib + (Number(connections.replace(',', '')) * kb) / 1024,
  }))
  .parse({
    ...read('docs/sizing.md').match(/cores ÷ (?<busy>\d+) % and W ÷ (?<connections>[\d,]+) connections/)
      ?.groups,
    ...read('docs/sizing.md').match(/(?<mib>\d+) MiB with the default .* some (?<kb>\d+) KB a connection/)
      ?.groups,
  });

describe('ports', () => {
  test("the container's are the defaults of the two listeners", () => {
    expect(container?.ports?.map(({ name, containerPort }) => [name, containerPort])).toEqual([
      ['http', PORTS.http.port],
      ['ops', PORTS.ops.port],
    ]);
  });

  test('there is a Service for each of them, and only its own leads to the ops port', () => {
    const targets = services.map(({ metadata, spec }) => [
      metadata?.name,
      spec?.ports?.map((port) => port.targetPort),
    ]);
    expect(Object.fromEntries(targets)).toEqual({
      'magic-hour-bff': ['http'],
      'magic-hour-bff-ops': ['ops'],
    });
    for (const { spec } of services) expect(selects(spec?.selector, podLabels)).toBe(true);
  });

  test('the policy lets in to those two alone: each from one namespace, and not from the same one', () => {
    expect(policy?.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(selects(policy?.podSelector?.matchLabels, podLabels)).toBe(true);
    const rules = policy?.ingress?.map(({ from, ports }) => ({
      from: from?.map((peer) => peer.namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name']),
      ports: ports?.map(({ port }) => port),
    }));
    expect(rules).toEqual([
      { from: ['ingress'], ports: ['http'] },
      { from: ['monitoring'], ports: ['ops'] },
    ]);
  });

  test('the policy lets out to DNS, Redis, HTTPS and OTLP alone', () => {
    const ports = policy?.egress?.flatMap((rule) => rule.ports?.map(({ port }) => port) ?? ['any']);
    expect(ports).toEqual([53, 53, 6379, 443, 4318]);
  });
});

test('the probes ask the ops listener for pages that it has', () => {
  const { startupProbe, livenessProbe, readinessProbe } = container ?? {};
  const probes = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet);
  expect(probes.map((probe) => probe?.path)).toEqual(['/livez', '/livez', '/readyz']);
  expect(probes.map((probe) => probe?.port)).toEqual(['ops', 'ops', 'ops']);
  expect(OPS_ROUTES).toEqual(expect.arrayContaining(['/livez', '/readyz']));
});

describe('Prometheus', () => {
  const monitor = only(objects, ServiceMonitor.is);
  const chosen = services.filter(({ metadata }) =>
    selects(monitor.spec.selector.matchLabels, metadata?.labels),
  );

  test('is led to the ops port by its own Service alone, at a page that there is', () => {
    expect(chosen.map(({ metadata }) => metadata?.name)).toEqual(['magic-hour-bff-ops']);
    const [endpoint, ...others] = monitor.spec.endpoints;
    expect(others).toEqual([]);
    expect(chosen[0]?.spec?.ports?.map(({ name }) => name)).toEqual([endpoint?.port]);
    expect(OPS_ROUTES).toContain(endpoint?.path);
  });

  test('names the job as the alerts and the dashboard do', () => {
    expect(chosen[0]?.metadata?.labels?.[monitor.spec.jobLabel ?? '']).toBe('magic-hour-bff');
  });

  test('sees replicas that are not ready', () => {
    expect(chosen[0]?.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
  });
});

describe('replicas', () => {
  test('are those of the Deployment, whoever counts or spreads them', () => {
    const { apiVersion, kind, metadata, spec } = deployment;
    expect(autoscaler.spec?.scaleTargetRef).toEqual({ apiVersion, kind, name: metadata?.name });
    const budget = only(objects, PodDisruptionBudget.is).spec;
    const selectors = [
      spec?.selector,
      budget?.selector,
      ...(pod?.spec?.topologySpreadConstraints ?? []).map(({ labelSelector }) => labelSelector),
    ];
    expect(selectors).toHaveLength(4);
    for (const selector of selectors) expect(selects(selector?.matchLabels, podLabels)).toBe(true);
  });

  test('are counted by the autoscaler alone, and are never less than two', () => {
    expect(deployment.spec?.replicas).toBeUndefined();
    expect(autoscaler.spec?.minReplicas).toBeGreaterThanOrEqual(2);
    expect(autoscaler.spec?.maxReplicas).toBeGreaterThan(autoscaler.spec?.minReplicas ?? 0);
  });

  test('are spread over nodes and zones, and go one at a time', () => {
    expect(pod?.spec?.topologySpreadConstraints?.map(({ topologyKey }) => topologyKey)).toEqual([
      'kubernetes.io/hostname',
      'topology.kubernetes.io/zone',
    ]);
    expect(only(objects, PodDisruptionBudget.is).spec?.maxUnavailable).toBe(1);
    expect(deployment.spec?.strategy?.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
  });

  test('are given what docs/sizing.md says that one takes', () => {
    const { requests, limits } = container?.resources ?? {};
    expect(requests).toEqual({ cpu: `${SIZING.millicores}m`, memory: `${SIZING.mib}Mi` });
    expect(Object.keys(limits ?? {})).toEqual(['memory']);
    expect(mebibytes(limits?.memory)).toBeGreaterThanOrEqual(SIZING.mibAtMost);
    expect(autoscaler.spec?.metrics?.map(({ resource }) => resource)).toEqual([
      { name: 'cpu', target: { type: 'AverageValue', averageValue: `${SIZING.millicores}m` } },
    ]);
  });
});

describe('the pod', () => {
  test('keeps to the restricted Pod Security Standard, as the user of the image, with nothing to write to', () => {
    const user = Number([...read('Dockerfile').matchAll(/^USER (\d+)/gm)].at(-1)?.[1]);
    expect(pod?.spec?.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod?.spec?.containers).toHaveLength(1);
    expect(container?.volumeMounts?.every(({ readOnly }) => readOnly)).toBe(true);
  });

  test('has an account of its own and no token of it', () => {
    const account = only(objects, ServiceAccount.is);
    expect(pod?.spec?.serviceAccountName).toBe(account.metadata?.name);
    expect([pod?.spec?.automountServiceAccountToken, account.automountServiceAccountToken]).toEqual([
      false,
      false,
    ]);
  });

  test('runs the image of this version', () => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')));
    expect(container?.image).toBe(`magic-hour-bff:${version}`);
  });
});

test('every object is found by the name of the application', () => {
  for (const { metadata } of objects)
    expect(metadata).toHaveProperty(['labels', 'app.kubernetes.io/name'], 'magic-hour-bff');
});

function mebibytes(quantity: unknown): number {
  return Number(/^(\d+)Mi$/.exec(String(quantity))?.[1]);
}
