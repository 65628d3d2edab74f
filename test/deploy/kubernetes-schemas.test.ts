import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseObjects, renderKustomization } from '../support/kubernetes.ts';
import { schemaFaults } from '../support/kubernetes-schemas.ts';

const FOLDER = fileURLToPath(new URL('../../config/kubernetes', import.meta.url));

test('every object is as the schemas of the API and of prometheus-operator have it', async () => {
  const objects = await renderKustomization(FOLDER);
  expect(objects.map(({ kind }) => kind).sort()).toEqual([
    'ConfigMap',
    'Deployment',
    'HorizontalPodAutoscaler',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'Service',
    'Service',
    'ServiceAccount',
    'ServiceMonitor',
  ]);
  expect(await schemaFaults(objects)).toEqual([]);
});

test.each([
  ['periodSeconds: 2', 'periodSeconds: soon', 'periodSeconds must be integer'],
  ['readinessProbe:', 'readynessProbe:', 'readynessProbe"\' does not exist'],
  ['maxUnavailable: 0', 'maxUnavailabel: 0', 'maxUnavailabel"\' does not exist'],
  ['kind: Deployment', 'kind: Deploiment', 'has no schema'],
])('a Deployment with %j made into %j is refused', async (right, wrong, complaint) => {
  const objects = await renderKustomization(FOLDER);
  const yaml = objects.filter(({ kind }) => kind === 'Deployment').map((object) => stringify(object));
  expect(yaml.join('')).toContain(right);
  const faults = await schemaFaults(parseObjects(yaml.join('').replace(right, wrong)));
  expect(faults.join('\n')).toContain(complaint);
});
