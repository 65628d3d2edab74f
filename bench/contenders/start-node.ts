import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/support/free-port.ts';
import {
  type Contender,
  type FullContender,
  type ServiceSettings,
  whenAnswering,
} from '../support/contender.ts';
import { startMeasured } from '../support/measured-process.ts';
import type { FullSettings, Ring } from './kinds.ts';

/** Starts a yardstick among the scripts of this folder; see bare-node.ts for what it is told. */
export async function startBare(
  script: string,
  { bodiesFile, ids: [aKnownId] }: Ring,
  more: { readonly nodeFlags?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Contender> {
  const port = await freePort();
  const env = { PORT: `${port}`, BODIES_FILE: bodiesFile, ...more.env };
  const args = [...(more.nodeFlags ?? []), pathOf(script)];
  const child = await startMeasured(process.execPath, args, env, '/dev/null');
  const url = `http://127.0.0.1:${port}`;
  await whenAnswering(child, `${url}/v1/image-projects/${aKnownId}`);
  return { ...child, url };
}

/** Starts a script of this folder that does the whole work; see settings.ts for what it is told. */
export async function startFull(script: string, ring: Ring, settings: FullSettings): Promise<FullContender> {
  const { upstream, issuer, redis, publicKeyFile } = ring;
  const port = await freePort();
  const env = {
    PORT: `${port}`,
    UPSTREAM_URL: upstream.baseUrl,
    UPSTREAM_KEY: upstream.apiKey,
    ISSUER: issuer.issuer,
    AUDIENCE: issuer.audience,
    PUBLIC_KEY_FILE: publicKeyFile,
    REDIS_URL: redis.url,
    LIMIT: `${settings.limit}`,
    // Express says "development" of itself without it.
    NODE_ENV: 'production',
  };
  const child = await startMeasured(process.execPath, [pathOf(script)], env, settings.logFile);
  const url = `http://127.0.0.1:${port}`;
  await whenAnswering(child, `${url}/metrics`);
  return { ...child, url, opsUrl: url };
}

/** Starts the yardstick for misses; see undici-proxy.ts. */
export async function startUndiciProxy({ baseUrl, apiKey }: ServiceSettings['upstream']): Promise<Contender> {
  const port = await freePort();
  const env = { PORT: `${port}`, UPSTREAM: baseUrl, API_KEY: apiKey };
  const child = await startMeasured(process.execPath, [pathOf('undici-proxy.ts')], env, '/dev/null');
  const url = `http://127.0.0.1:${port}`;
  await whenAnswering(child, `${url}/v1/image-projects/first`);
  return { ...child, url };
}

function pathOf(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url));
}
