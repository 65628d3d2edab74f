import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { freePort } from '../../test/support/free-port.ts';
import { answering } from './answering.ts';
import { type NodeProcess, startNode } from './node-process.ts';

export interface Contender extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly gone: AbortSignal;
  readonly url: string;
}

export interface ServiceContender extends Contender {
  readonly opsUrl: string;
  /** From before the process existed to the first 200 of `/readyz`. */
  readonly startMs: number;
}

export interface ServiceSettings {
  readonly upstream: { readonly baseUrl: string; readonly apiKey: string };
  readonly issuer: { readonly issuer: string; readonly audience: string };
  readonly redisUrl?: string;
  readonly logFile: string;
}

const packageSchema = z.object({ scripts: z.object({ start: z.string() }) });

/** More than any run can ask for, so that both limits count and neither refuses. */
const UNREACHED_LIMIT = '1000000000';

/** The service as `npm start` starts it: its own process, all of its defaults, logs at info. */
export async function startServiceContender(
  name: string,
  { upstream, issuer, redisUrl, logFile }: ServiceSettings,
): Promise<ServiceContender> {
  const [port, opsPort] = [await freePort(), await freePort()];
  const env = {
    HOST: '127.0.0.1',
    PORT: `${port}`,
    OPS_PORT: `${opsPort}`,
    MAGIC_HOUR_API_KEY: upstream.apiKey,
    MAGIC_HOUR_BASE_URL: upstream.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    RATE_LIMIT_MAX: UNREACHED_LIMIT,
    RATE_LIMIT_IP_MAX: UNREACHED_LIMIT,
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
  };
  const opsUrl = `http://127.0.0.1:${opsPort}`;
  const startedAtMs = performance.now();
  const child = await startNode(startArguments(), env, logFile);
  await whenAnswering(child, `${opsUrl}/readyz`);
  const startMs = performance.now() - startedAtMs;
  return { name, ...child, url: `http://127.0.0.1:${port}`, opsUrl, startMs };
}

export async function startBareExpress(bodiesFile: string, aKnownId: string): Promise<Contender> {
  const port = await freePort();
  const env = { PORT: `${port}`, BODIES_FILE: bodiesFile };
  const child = await startNode([pathOf('../contenders/bare-express.ts')], env, '/dev/null');
  const url = `http://127.0.0.1:${port}`;
  await whenAnswering(child, `${url}/v1/image-projects/${aKnownId}`);
  return { name: 'bare Express 5', ...child, url };
}

/** What follows `node` in the package's start script, so that its flags for V8 are measured too. */
function startArguments(): string[] {
  const { scripts } = packageSchema.parse(JSON.parse(readFileSync(pathOf('../../package.json'), 'utf8')));
  const [program, ...args] = scripts.start.split(' ');
  const script = args.pop();
  if (program !== 'node' || script === undefined) throw new Error('the start script is not `node … main.ts`');
  return [...args, pathOf(`../../${script}`)];
}

async function whenAnswering(child: NodeProcess, url: string): Promise<void> {
  try {
    await answering(url, child.gone);
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
