import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  PrometheusRule,
  ServiceMonitor,
} from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Secret, Service, ServiceAccount } from 'kubernetes-models/v1';
import type { KubernetesObject } from './kubernetes.ts';

interface Model {
  readonly apiVersion: string;
  readonly kind: string;
  new (): { validate(): void };
}

const KUBERNETES: readonly Model[] = [
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PodDisruptionBudget,
  Secret,
  Service,
  ServiceAccount,
];
const OPERATOR: readonly Model[] = [PrometheusRule, ServiceMonitor];

const NODE_MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const STRICT = '--noEmit --strict --skipLibCheck --target es2024 --module nodenext --types node'.split(' ');

const run = promisify(execFile);

/**
 * What the API's schemas have against objects, a line each; an object of a kind that has none here is a fault as well.
 *
 * The schemas of `kubernetes-models` let fields pass that they don't know, as a cluster does, which drops them in silence: a
 * misspelled probe would be none. Its types know every field, so the compiler looks for those that it doesn't.
 */
export async function schemaFaults(objects: readonly KubernetesObject[]): Promise<string[]> {
  return [...objects.flatMap(invalidValues), ...(await unknownFields(objects))];
}

function invalidValues(object: KubernetesObject): string[] {
  const Schema = [...KUBERNETES, ...OPERATOR].find((model) => isOf(model, object));
  if (Schema === undefined) return [`${nameOf(object)}: has no schema here`];
  try {
    Object.assign(new Schema(), object).validate();
    return [];
  } catch (error) {
    return [`${nameOf(object)}: ${error instanceof Error ? error.message : 'is refused'}`];
  }
}

async function unknownFields(objects: readonly KubernetesObject[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-kubernetes-'));
  try {
    await symlink(NODE_MODULES, join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const names = objects.map((object, index) => {
      const name = `${index}-${nameOf(object).replaceAll('/', '-')}.ts`;
      return { name, text: typedLiteral(object) };
    });
    await Promise.all(names.map(({ name, text }) => writeFile(join(folder, name), text)));
    const tsc = join(NODE_MODULES, 'typescript/bin/tsc');
    await run(process.execPath, [tsc, ...STRICT, ...names.map(({ name }) => name)], { cwd: folder });
    return [];
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && error.stdout !== '')
      return String(error.stdout).trim().split('\n');
    throw error;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function typedLiteral(object: KubernetesObject): string {
  const ofOperator = OPERATOR.some((model) => isOf(model, object));
  const library = ofOperator ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';
  const type = `I${object.kind}`;
  return `import type { ${type} } from '${library}/${object.apiVersion}';
export const object: ${type} = ${JSON.stringify(object, null, 2)};
`;
}

function isOf(model: Model, { apiVersion, kind }: KubernetesObject): boolean {
  return model.apiVersion === apiVersion && model.kind === kind;
}

function nameOf({ kind, metadata }: KubernetesObject): string {
  return `${kind}/${metadata.name}`;
}
