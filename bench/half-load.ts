import { join } from 'node:path';
import { serviceInMemory, serviceWithRedis } from './contenders/contenders.ts';
import type { FullKind } from './contenders/kinds.ts';
import { checkFull } from './support/check.ts';
import { type FullContender, UNREACHED_LIMIT } from './support/contender.ts';
import { independentArrivals, noPause, percentile, sendPaced } from './support/paced-load.ts';
import { watchCore } from './support/process-facts.ts';
import { rotatingRequests } from './support/requests.ts';
import { prepareRotation } from './support/rotation.ts';
import type { Surroundings } from './support/surroundings.ts';
import { timeTurn } from './support/turn.ts';

export interface HalfLoadOptions {
  readonly rounds: number;
  readonly warmUpRequests: number;
  /** Of full load, to know what half of it is. */
  readonly fullSeconds: number;
  readonly seconds: number;
  /** Of the same load before each turn, which are told apart. */
  readonly leadInSeconds: number;
}

/** One turn at half of the load that is the most that the service can do. */
export interface HalfTurn {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Of the lead-in: the process has idled while the other had its turn. */
  readonly leadInP99Ms: number;
  /** By how much the sender itself was late in one of a hundred requests. */
  readonly senderLateP99Ms: number;
  /** Of the service's core, taken by processes that are none of this benchmark's. */
  readonly foreignShare: number;
}

export interface HalfLoadFigures {
  readonly name: string;
  /** Requests per second, the most. */
  readonly full: number;
  readonly turns: readonly HalfTurn[];
}

/** What callers wait for while the service has half as much to do as it can, with and without Redis, in turns. */
export async function measureHalfLoad(
  surroundings: Surroundings,
  options: HalfLoadOptions,
): Promise<HalfLoadFigures[]> {
  const { folder, redis, issuer, signal } = surroundings;
  const { tokens, ring, expected, script } = await prepareRotation(surroundings);

  await using stack = new AsyncDisposableStack();
  async function enter(kind: FullKind) {
    const settings = { limit: UNREACHED_LIMIT, logFile: join(folder, `half-${kind.name}`) };
    const contender = stack.use(await kind.start(ring, settings));
    await checkFull(kind, contender, { issuer, tokens, expected });
    const turns: HalfTurn[] = [];
    const request = rotatingRequests(contender.url, tokens, ring.ids);
    await sendPaced({ url: contender.url, request, dueMs: noPause(options.warmUpRequests), signal });
    const full = await timeTurn(contender, redis, { script, seconds: options.fullSeconds, signal });
    return { name: kind.name, contender, request, full: full.undisturbedRate, turns };
  }

  const entrants = [await enter(serviceInMemory), await enter(serviceWithRedis)];
  for (let round = 0; round < options.rounds; round += 1) {
    for (const { contender, request, full, turns } of entrants) {
      turns.push(await halfTurn(contender, request, full / 2, options, signal));
    }
  }
  return entrants;
}

async function halfTurn(
  { url, pid, gone }: FullContender,
  request: (n: number) => Buffer,
  requestsPerSecond: number,
  { seconds, leadInSeconds }: HalfLoadOptions,
  signal: AbortSignal,
): Promise<HalfTurn> {
  const send = (forSeconds: number) =>
    sendPaced({
      url,
      request,
      dueMs: independentArrivals(requestsPerSecond, forSeconds),
      signal: AbortSignal.any([signal, gone]),
    });
  const leadIn = await send(leadInSeconds);
  const coreUse = watchCore(pid);
  const { latenciesMs, latenessMs } = await send(seconds);
  return {
    requestsPerSecond,
    p50Ms: percentile(latenciesMs, 50),
    p99Ms: percentile(latenciesMs, 99),
    p999Ms: percentile(latenciesMs, 99.9),
    maxMs: percentile(latenciesMs, 100),
    leadInP99Ms: percentile(leadIn.latenciesMs, 99),
    senderLateP99Ms: percentile(latenessMs, 99),
    foreignShare: coreUse().foreignShare,
  };
}
