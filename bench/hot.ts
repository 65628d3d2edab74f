import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MagicHourEmulator } from '../test/support/magic-hour-emulator.ts';
import { type Contender, startBareExpress, startServiceContender } from './support/contender.ts';
import { MEASURED_CORE } from './support/cores.ts';
import { rotatingScript } from './support/lua.ts';
import { coreSeconds, cpuSeconds } from './support/process-facts.ts';
import { checkBareExpress, checkService, type Expected } from './support/same-answers.ts';
import { scrape } from './support/scrape.ts';
import { type Surroundings, tokensOfUsers } from './support/surroundings.ts';
import { runWrk } from './support/wrk.ts';

const USERS = 8;
const IDS = ['complete-1', 'complete-2', 'complete-3', 'complete-4', 'complete-5'];

export interface HotOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** One timed turn of one contender. */
export interface Turn {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The contender's own, user and system. */
  readonly cpuMicrosecondsPerRequest: number;
  /** Of the contender's core, taken by processes that are none of this benchmark's. */
  readonly foreignShare: number;
}

export interface HotFigures {
  readonly bare: readonly Turn[];
  readonly service: readonly Turn[];
  readonly withoutRedis: readonly Turn[];
  /** Bytes of a body. */
  readonly bodyBytes: number;
  /** Proof that the service did its whole work: of all its lookups, and for each of them. */
  readonly memoryHitShare: number;
  readonly redisScriptsPerLookup: number;
}

/** Throughput of lookups from memory, against a bare Express route that answers the same bytes, in turns. */
export async function measureHot(surroundings: Surroundings, options: HotOptions): Promise<HotFigures> {
  const { folder, redis, emulator, issuer, signal } = surroundings;
  const tokens = await tokensOfUsers(issuer, USERS);
  // Two downloads make a body of some 750 bytes, as real ones have.
  for (const id of IDS) emulator.project(id, { status: 'complete', downloads: [{}, {}] });
  const expected = await Promise.all(IDS.map((id) => bodyOf(emulator, id)));
  const bodiesFile = join(folder, 'bodies.json');
  await writeFile(bodiesFile, JSON.stringify(Object.fromEntries(expected.map(({ id, body }) => [id, body]))));
  const script = join(folder, 'rotating.lua');
  await writeFile(script, rotatingScript(tokens, IDS));

  const parts = { upstream: emulator, issuer };
  await using bare = await startBareExpress(bodiesFile, IDS[0] ?? '');
  await using service = await startServiceContender('magic-hour-bff', {
    ...parts,
    redisUrl: redis.url,
    logFile: join(folder, 'service.log'),
  });
  await using withoutRedis = await startServiceContender('magic-hour-bff without Redis', {
    ...parts,
    logFile: join(folder, 'without-redis.log'),
  });
  await checkBareExpress(bare, expected);
  await checkService(service, tokens, expected);
  await checkService(withoutRedis, tokens, expected);

  const load = (contender: Contender, seconds: number) =>
    timeTurn(contender, { script, seconds, signal: AbortSignal.any([signal, contender.gone]) });
  const turns: Record<'bare' | 'service' | 'withoutRedis', Turn[]> = {
    bare: [],
    service: [],
    withoutRedis: [],
  };
  for (const contender of [bare, service, withoutRedis]) await load(contender, options.warmUpSeconds);
  for (let round = 0; round < options.rounds; round += 1) {
    turns.bare.push(await load(bare, options.seconds));
    turns.service.push(await load(service, options.seconds));
    turns.withoutRedis.push(await load(withoutRedis, options.seconds));
  }

  const metric = await scrape(service.opsUrl);
  const lookups = metric('lookups_total');
  return {
    ...turns,
    bodyBytes: Buffer.byteLength(expected[0]?.body ?? ''),
    memoryHitShare: metric('lookups_total', 'result="memory_hit"') / lookups,
    redisScriptsPerLookup: (await redis.commandCount('evalsha')) / lookups,
  };
}

async function bodyOf({ baseUrl, apiKey }: MagicHourEmulator, id: string): Promise<Expected> {
  const headers = { authorization: `Bearer ${apiKey}` };
  return { id, body: await (await fetch(`${baseUrl}/v1/image-projects/${id}`, { headers })).text() };
}

async function timeTurn(
  { pid, url }: Contender,
  load: { readonly script: string; readonly seconds: number; readonly signal: AbortSignal },
): Promise<Turn> {
  const before = { own: cpuSeconds(pid), core: coreSeconds(MEASURED_CORE), atMs: performance.now() };
  const result = await runWrk({ url, ...load });
  const ownSeconds = cpuSeconds(pid) - before.own;
  const foreignSeconds = coreSeconds(MEASURED_CORE) - before.core - ownSeconds;
  return {
    requestsPerSecond: result.requests / (result.durationMicroseconds / 1e6),
    p50Ms: result.p50Microseconds / 1000,
    p99Ms: result.p99Microseconds / 1000,
    cpuMicrosecondsPerRequest: (ownSeconds * 1e6) / result.requests,
    foreignShare: Math.max(0, foreignSeconds) / ((performance.now() - before.atMs) / 1000),
  };
}
