import type { ContractResponse } from './contract-client.ts';
import type { Stack } from './stack.ts';

export interface Project {
  readonly kind?: 'image' | 'video' | 'audio';
  readonly id: string;
}

/** The company's backend, that says whose projects are. */
export interface RegistryClient {
  put(project: Project, body: unknown): Promise<ContractResponse>;
  get(project: Project): Promise<ContractResponse>;
  release(project: Project): Promise<ContractResponse>;
  putMany(assignments: unknown, kind?: Project['kind']): Promise<ContractResponse>;
}

/** @param scope of the backend's token; default: may assign all three kinds */
export async function registryClient(
  { client, issuer }: Pick<Stack, 'client' | 'issuer'>,
  scope = 'image-projects:assign video-projects:assign audio-projects:assign',
): Promise<RegistryClient> {
  const authorization = `Bearer ${await issuer.token({ sub: 'a-backend', scope })}`;
  const json = { authorization, 'content-type': 'application/json' };
  const path = ({ kind = 'image', id }: Project) => `/v1/${kind}-projects/${id}/owner`;
  return {
    put: (project, body) =>
      client.request(path(project), { method: 'PUT', headers: json, body: JSON.stringify(body) }),
    get: (project) => client.request(path(project), { headers: { authorization } }),
    release: (project) => client.request(path(project), { method: 'DELETE', headers: { authorization } }),
    putMany: (assignments, kind = 'image') =>
      client.request(`/v1/${kind}-project-owners`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ assignments }),
      }),
  };
}
