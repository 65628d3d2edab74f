import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { findOrInstall } from './debian-program.ts';

const run = promisify(execFile);

const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});

/** Any object of Kubernetes' API. */
export type KubernetesObject = z.output<typeof objectSchema>;

/** Runs `kubectl`, found or installed. No cluster is spoken to by what tests ask of it. @returns what it printed */
export async function kubectl(...args: readonly string[]): Promise<string> {
  const program = await findOrInstall('kubectl', 'kubectl', process.env, 'kubernetes-client');
  // Without a kubeconfig, so that no cluster of whoever runs the tests is ever asked.
  const { stdout } = await run(program, args, { env: { ...process.env, KUBECONFIG: '/dev/null' } });
  return stdout;
}

/** What a folder's kustomization is rendered to. */
export async function renderKustomization(folder: string): Promise<KubernetesObject[]> {
  return parseObjects(await kubectl('kustomize', folder));
}

export function parseObjects(yaml: string): KubernetesObject[] {
  return parseAllDocuments(yaml).map((document) => objectSchema.parse(document.toJS()));
}

/** All objects of a kind, by the guard of its model. */
export function allOf<T>(objects: readonly unknown[], isOne: (value: unknown) => value is T): T[] {
  return objects.filter(isOne);
}

/** The only object of a kind. @throws where there are none, or several */
export function only<T>(objects: readonly unknown[], isOne: (value: unknown) => value is T): T {
  const [found, ...others] = allOf(objects, isOne);
  if (found === undefined || others.length > 0) throw new Error('there must be one object of the kind');
  return found;
}

/** Whether a selector's labels are all among those of an object. */
export function selects(
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([name, value]) => labels?.[name] === value);
}
