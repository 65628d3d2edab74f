import { onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createLogger } from '../../src/log.ts';
import type { Clock } from '../../src/lookup/ports.ts';
import { createRequestLog } from '../../src/request-log.ts';
import { type Service, startService } from '../../src/service.ts';
import { type ContractClient, type ContractResponse, createContractClient } from './contract-client.ts';
import { parseLogLine } from './log-conformance.ts';
import {
  type MagicHourEmulator,
  type MagicHourEmulatorOptions,
  startMagicHourEmulator,
} from './magic-hour-emulator.ts';
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts';

export interface StackOptions {
  /** Settings over those that every test needs. */
  readonly env?: Readonly<Record<string, string>>;
  readonly emulator?: MagicHourEmulatorOptions;
  readonly clock?: Clock;
  /** Shared parts, for a second replica; they are left open. */
  readonly beside?: Pick<Stack, 'emulator' | 'issuer'>;
}

/**
 * A running service with the real parts around it. Every answer through it is held against docs/openapi.yaml, and, when it
 * stops, every line that it logged against src/log-events.ts.
 */
export interface Stack {
  readonly service: Service;
  readonly emulator: MagicHourEmulator;
  readonly issuer: TokenIssuer;
  readonly client: ContractClient;
  readonly ops: ContractClient;
  /** What the service logged so far, a line each. */
  readonly logs: () => string[];
  /** Looks an image project up as a user, alice where none is named. */
  lookup(id: string, options?: LookupOptions): Promise<ContractResponse>;
  /** The value of one metric, with its labels as Prometheus writes them; 0 where there is none yet. */
  metric(series: string): Promise<number>;
  stop(): Promise<void>;
}

export interface LookupOptions {
  readonly user?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const VERSION = '0.0.0-test';

/** Starts a stack that ends with the test. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const stack = await openStack(options);
  onTestFinished(stack.stop);
  return stack;
}

/** Starts a stack that the caller stops. */
export async function openStack({
  env = {},
  emulator: emulatorOptions,
  clock,
  beside,
}: StackOptions): Promise<Stack> {
  const emulator = beside?.emulator ?? (await startMagicHourEmulator(emulatorOptions));
  const issuer = beside?.issuer ?? (await startTokenIssuer());
  const lines: string[] = [];
  const config = loadConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    OPS_PORT: '0',
    MAGIC_HOUR_API_KEY: emulator.apiKey,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    LOG_LEVEL: 'trace',
    ...env,
  });
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level: config.log.level, version: VERSION, destination });
  const service = await startService(config, {
    logger,
    logRequest: createRequestLog({
      logger,
      version: VERSION,
      destination,
      hitSampleRatio: config.log.hitSampleRatio,
    }),
    clock: clock ?? { now: Date.now },
    version: VERSION,
    nodeVersion: process.versions.node,
  });
  const client = createContractClient(service.publicUrl, 'public');
  const ops = createContractClient(service.opsUrl, 'ops');
  const tokens = new Map<string, Promise<string>>();

  function tokenOf(sub: string): Promise<string> {
    const token = tokens.get(sub) ?? issuer.token({ sub });
    tokens.set(sub, token);
    return token;
  }

  return {
    service,
    emulator,
    issuer,
    client,
    ops,
    logs: () => [...lines],
    async lookup(id, { user = 'alice', headers, ...init } = {}) {
      const authorization = `Bearer ${await tokenOf(user)}`;
      return client.request(`/v1/image-projects/${id}`, { ...init, headers: { authorization, ...headers } });
    },
    async metric(series) {
      const text = (await ops.request('/metrics')).body.toString();
      const line = text.split('\n').find((each) => each.startsWith(`${series} `));
      return line === undefined ? 0 : Number(line.slice(series.length + 1));
    },
    async stop() {
      await service.stop();
      if (beside === undefined) await Promise.all([emulator.close(), issuer.close()]);
      for (const line of lines) parseLogLine(line);
    },
  };
}

/** Resolves once the condition holds; asks again on every turn of a short timer, for what tells of itself by no event. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  withinMs = 5000,
): Promise<void> {
  const endsAtMs = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > endsAtMs)
      throw new Error(`did not become true within ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
