import { join } from 'node:path';
import { startArguments } from '../test/support/service-process.ts';
import { serviceInMemory } from './contenders/contenders.ts';
import type { FullKind } from './contenders/kinds.ts';
import { checkFull } from './support/check.ts';
import { type ServiceSettings, startServiceContender, UNREACHED_LIMIT } from './support/contender.ts';
import { noPause, sendPaced } from './support/paced-load.ts';
import { rotatingRequests } from './support/requests.ts';
import { prepareRotation } from './support/rotation.ts';
import { startSpanSink } from './support/span-sink.ts';
import type { Surroundings } from './support/surroundings.ts';
import { type Turn, timeTurn } from './support/turn.ts';
import { checkOut } from './support/worktree.ts';

const RATIOS = [0, 0.1, 1];

export const OFF = 'off';
/** The same once more: by how much two processes of the same code differ. */
export const OFF_AGAIN = 'off, again';
export const BASE = 'before';

export interface TracingOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpRequests: number;
  /** A revision of before there was any tracing. */
  readonly base: string | undefined;
}

/** Of one way to run, a turn a round. */
export interface TracingRuns {
  readonly name: string;
  readonly turns: readonly Turn[];
  /** What was exported meanwhile. */
  readonly exportedBytes: number;
}

/** Full load of hot lookups, in turns; each round with processes of its own, since some are luckier than others. */
export async function measureTracing(
  surroundings: Surroundings,
  options: TracingOptions,
): Promise<readonly TracingRuns[]> {
  const { folder, redis, issuer, signal } = surroundings;
  const { tokens, ring, expected, script } = await prepareRotation(surroundings);

  await using stack = new AsyncDisposableStack();
  const sink = stack.use(await startSpanSink());
  const entrants = [
    kindOf(OFF, {}),
    kindOf(OFF_AGAIN, {}),
    ...(options.base === undefined ? [] : [kindOf(BASE, baseOf(options.base, join(folder, 'base'), stack))]),
    ...RATIOS.map((ratio) => kindOf(nameOf(ratio), { env: tracedEnv(sink.endpoint, ratio) })),
  ].map((kind) => ({ kind, turns: [] as Turn[], exportedBytes: 0 }));

  for (let round = 0; round < options.rounds; round += 1) {
    for (const entrant of round % 2 === 0 ? entrants : entrants.toReversed()) {
      signal.throwIfAborted();
      const { kind } = entrant;
      const settings = { limit: UNREACHED_LIMIT, logFile: join(folder, 'log') };
      await using contender = await kind.start(ring, settings);
      await checkFull(kind, contender, { issuer, tokens, expected });
      const request = rotatingRequests(contender.url, tokens, ring.ids);
      await sendPaced({ url: contender.url, request, dueMs: noPause(options.warmUpRequests), signal });
      const before = sink.bytes;
      entrant.turns.push(await timeTurn(contender, redis, { script, seconds: options.seconds, signal }));
      entrant.exportedBytes += sink.bytes - before;
    }
  }
  return entrants.map(({ kind: { name }, turns, exportedBytes }) => ({ name, turns, exportedBytes }));
}

export const nameOf = (ratio: number) => `on, ${ratio * 100} % sampled`;

function kindOf(name: string, more: Pick<ServiceSettings, 'env' | 'startArguments'>): FullKind {
  return {
    ...serviceInMemory,
    name,
    start: ({ upstream, issuer }, settings) =>
      startServiceContender(name, { upstream, issuer, ...settings, ...more }),
  };
}

function tracedEnv(endpoint: string, ratio: number): Readonly<Record<string, string>> {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: `${ratio}`,
  };
}

/** Started by this revision's flags. */
function baseOf(revision: string, folder: string, stack: AsyncDisposableStack) {
  stack.use(checkOut(revision, folder));
  return {
    startArguments: startArguments().map((each) => (each === 'src/start.js' ? join(folder, each) : each)),
  };
}
