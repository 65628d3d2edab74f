import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startUndiciProxy } from './contenders/start-node.ts';
import { type HeldUpFigures, measureHeldUp } from './misses-held-up.ts';
import { type Contender, type ServiceContender, startServiceContender } from './support/contender.ts';
import { walkingScript } from './support/lua.ts';
import { scrape } from './support/scrape.ts';
import { type Surroundings, tokensOfUsers } from './support/surroundings.ts';
import { type Turn, timeTurn } from './support/turn.ts';
import { startUpstreamStub, type UpstreamStub } from './support/upstream-stub.ts';

const USERS = 8;
/** More than any turn can ask for. */
const PROJECTS = 1_000_000_000;
/** The default of UPSTREAM_MAX_CONCURRENCY. */
export const PLACES = 64;
export const SLOW_UPSTREAM_MS = 50;

export interface MissOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export interface MissTurns {
  readonly proxy: readonly Turn[];
  readonly withoutRedis: readonly Turn[];
  readonly withRedis: readonly Turn[];
}

export interface MissFigures {
  /** With an upstream that answers at once. */
  readonly fast: MissTurns;
  /** With one that takes 50 ms, over as many connections as there are places. */
  readonly slow: MissTurns;
  readonly heldUp: HeldUpFigures;
  readonly bodyBytes: number;
  /** Proof that the service asked the upstream each time, the least of both kinds of upstream. */
  readonly missShare: number;
}

/** What a lookup costs that no cache can answer, against the leanest proxy over undici, in turns. */
export async function measureMisses(surroundings: Surroundings, options: MissOptions): Promise<MissFigures> {
  await using fastUpstream = await startUpstreamStub();
  const fast = await takeTurns(surroundings, options, fastUpstream, 'fast');
  await using slowUpstream = await startUpstreamStub({ delayMs: SLOW_UPSTREAM_MS });
  const slow = await takeTurns(surroundings, options, slowUpstream, 'slow', PLACES);
  return {
    fast: fast.turns,
    slow: slow.turns,
    heldUp: await measureHeldUp(surroundings, options),
    bodyBytes: fastUpstream.bodyBytes,
    missShare: Math.min(fast.missShare, slow.missShare),
  };
}

/** @param name is in every id, so that no turn asks for a project of another */
async function takeTurns(
  { folder, redis, issuer, signal }: Surroundings,
  { rounds, seconds, warmUpSeconds }: MissOptions,
  upstream: UpstreamStub,
  name: string,
  connections?: number,
): Promise<{ readonly turns: MissTurns; readonly missShare: number }> {
  const tokens = await tokensOfUsers(issuer, USERS);
  const parts = { upstream, issuer };
  await using proxy = await startUndiciProxy(upstream);
  await using withoutRedis = await startServiceContender('magic-hour-bff without Redis', {
    ...parts,
    logFile: join(folder, `misses-${name}-without-redis.log`),
  });
  await using withRedis = await startServiceContender('magic-hour-bff', {
    ...parts,
    redisUrl: redis.url,
    logFile: join(folder, `misses-${name}.log`),
  });
  let turn = 0;
  async function load(contender: Contender, forSeconds: number): Promise<Turn> {
    turn += 1;
    const script = join(folder, `misses-${name}.lua`);
    await writeFile(script, walkingScript(tokens, PROJECTS, `${name}-${turn}-`));
    return timeTurn(contender, redis, {
      script,
      seconds: forSeconds,
      signal,
      ...(connections && { connections }),
    });
  }

  const turns: Record<keyof MissTurns, Turn[]> = { proxy: [], withoutRedis: [], withRedis: [] };
  for (const contender of [proxy, withoutRedis, withRedis]) await load(contender, warmUpSeconds);
  for (let round = 0; round < rounds; round += 1) {
    turns.proxy.push(await load(proxy, seconds));
    turns.withoutRedis.push(await load(withoutRedis, seconds));
    turns.withRedis.push(await load(withRedis, seconds));
  }
  const shares = await Promise.all([withoutRedis, withRedis].map(missShareOf));
  return { turns, missShare: Math.min(...shares) };
}

async function missShareOf({ opsUrl }: ServiceContender): Promise<number> {
  const metric = await scrape(opsUrl);
  return metric('lookups_total', 'result="miss"') / metric('lookups_total');
}
