import { join } from 'node:path';
import { BARE_KINDS, FULL_KINDS, serviceInMemory, serviceWithRedis } from './contenders/contenders.ts';
import { measureRedisWork, type RedisWork } from './redis-work.ts';
import { checkBareBytes, checkFull, checkLimit } from './support/check.ts';
import { type Contender, type FullContender, UNREACHED_LIMIT } from './support/contender.ts';
import { checkLogLines } from './support/log-lines.ts';
import { noPause, sendPaced } from './support/paced-load.ts';
import { rotatingRequests } from './support/requests.ts';
import { prepareRotation } from './support/rotation.ts';
import { scrape } from './support/scrape.ts';
import type { Surroundings } from './support/surroundings.ts';
import { type Turn, timeTurn } from './support/turn.ts';

/** More than the checks send to one contender. */
const REQUESTS_OF_CHECKS = 200;

export interface HotOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Sent to each contender first: a number, since a time is too short for V8 on a machine that is busy elsewhere. */
  readonly warmUpRequests: number;
}

export interface HotFigures {
  /** Of each contender by its name, in the order in which they took turns. */
  readonly turns: ReadonlyMap<string, readonly Turn[]>;
  /** Bytes of a body. */
  readonly bodyBytes: number;
  /** Of this service's lookups, where it was lower: proof that they were answered from memory. */
  readonly memoryHitShare: number;
  readonly nearLimits: RedisWork;
}

interface Entrant {
  readonly name: string;
  readonly contender: Contender;
  readonly runs: Turn[];
}

interface FullEntrant extends Entrant {
  readonly contender: FullContender;
  readonly logFile: string;
}

/** Full load of lookups from memory, on each contender in turns, after each has shown that it does the whole work. */
export async function measureHot(surroundings: Surroundings, options: HotOptions): Promise<HotFigures> {
  const { folder, redis, issuer, signal } = surroundings;
  const { tokens, ring, expected, script } = await prepareRotation(surroundings);

  await using stack = new AsyncDisposableStack();
  const bare: Entrant[] = [];
  for (const { name, start } of BARE_KINDS) {
    const contender = stack.use(await start(ring));
    await checkBareBytes(name, contender, expected);
    bare.push({ name, contender, runs: [] });
  }
  const full: FullEntrant[] = [];
  for (const kind of FULL_KINDS) {
    signal.throwIfAborted();
    await checkLimit(kind, ring, issuer);
    const logFile = join(folder, `log-${full.length}`);
    const contender = stack.use(await kind.start(ring, { limit: UNREACHED_LIMIT, logFile }));
    await checkFull(kind, contender, { issuer, tokens, expected });
    full.push({ name: kind.name, contender, logFile, runs: [] });
  }

  const entrants: readonly Entrant[] = [...bare, ...full];
  for (const { contender } of entrants) {
    const request = rotatingRequests(contender.url, tokens, ring.ids);
    await sendPaced({ url: contender.url, request, dueMs: noPause(options.warmUpRequests), signal });
  }
  for (let round = 0; round < options.rounds; round += 1) {
    for (const { contender, runs } of entrants) {
      runs.push(await timeTurn(contender, redis, { script, seconds: options.seconds, signal }));
    }
  }

  for (const { name, logFile, runs } of full) {
    const sent = runs.reduce((sum, { requests }) => sum + requests, options.warmUpRequests);
    await checkLogLines(name, logFile, { sent, runs: runs.length, others: REQUESTS_OF_CHECKS });
  }
  const services = full.filter(({ name }) => [serviceInMemory.name, serviceWithRedis.name].includes(name));
  return {
    turns: new Map(entrants.map(({ name, runs }) => [name, runs])),
    bodyBytes: Buffer.byteLength(expected[0]?.body ?? ''),
    memoryHitShare: Math.min(...(await Promise.all(services.map(({ contender }) => hitShare(contender))))),
    nearLimits: await measureRedisWork(ring, surroundings),
  };
}

async function hitShare({ opsUrl }: FullContender): Promise<number> {
  const metric = await scrape(opsUrl);
  return metric('lookups_total', 'result="memory_hit"') / metric('lookups_total');
}
