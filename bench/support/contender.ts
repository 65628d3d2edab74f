import { freePort } from '../../test/support/free-port.ts';
import { startArguments } from '../../test/support/service-process.ts';
import { answering } from './answering.ts';
import { type MeasuredProcess, startMeasured } from './measured-process.ts';

export interface Contender extends AsyncDisposable {
  readonly pid: number;
  /** Aborted when the process is gone, wanted or not. */
  readonly gone: AbortSignal;
  readonly url: string;
}

/** A contender that can be looked into. */
export interface FullContender extends Contender {
  /** Where its `/metrics` are. */
  readonly opsUrl: string;
}

export interface ServiceContender extends FullContender {
  readonly name: string;
  /** From before the process existed to the first 200 of `/readyz`. */
  readonly startMs: number;
}

export interface ServiceSettings {
  readonly upstream: { readonly baseUrl: string; readonly apiKey: string };
  readonly issuer: { readonly issuer: string; readonly audience: string };
  readonly redisUrl?: string;
  readonly logFile: string;
  /** Requests that one user may make in a minute; more than any run asks for where it is left out. */
  readonly limit?: number;
  /** More settings, or others. */
  readonly env?: Readonly<Record<string, string>>;
  /** What follows `node`; the package's start script where it is left out. */
  readonly startArguments?: readonly string[];
  /** More of Node's own flags. */
  readonly nodeFlags?: readonly string[];
}

/** More than any run can ask for, so that both limits count and neither refuses. */
export const UNREACHED_LIMIT = 1_000_000_000;

/** The service as `npm start` starts it: its own process, all of its defaults, logs at info. */
export async function startServiceContender(
  name: string,
  settings: ServiceSettings,
): Promise<ServiceContender> {
  const { upstream, issuer, redisUrl, logFile, limit = UNREACHED_LIMIT, nodeFlags = [] } = settings;
  const args = [...nodeFlags, ...(settings.startArguments ?? startArguments())];
  const [port, opsPort] = [await freePort(), await freePort()];
  const env = {
    HOST: '127.0.0.1',
    PORT: `${port}`,
    OPS_PORT: `${opsPort}`,
    MAGIC_HOUR_API_KEY: upstream.apiKey,
    MAGIC_HOUR_BASE_URL: upstream.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    RATE_LIMIT_MAX: `${limit}`,
    RATE_LIMIT_IP_MAX: `${UNREACHED_LIMIT}`,
    ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
    ...settings.env,
  };
  const opsUrl = `http://127.0.0.1:${opsPort}`;
  const startedAtMs = performance.now();
  const child = await startMeasured(process.execPath, args, env, logFile);
  await whenAnswering(child, `${opsUrl}/readyz`);
  const startMs = performance.now() - startedAtMs;
  return { name, ...child, url: `http://127.0.0.1:${port}`, opsUrl, startMs };
}

/** Resolves when the URL answers 200; where it never does, the process is ended. */
export async function whenAnswering(child: MeasuredProcess, url: string): Promise<void> {
  try {
    await answering(url, child.gone);
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
