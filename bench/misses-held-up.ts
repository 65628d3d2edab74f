import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MissOptions } from './misses.ts';
import { startServiceContender } from './support/contender.ts';
import { holdRequests } from './support/held-requests.ts';
import { rotatingScript } from './support/lua.ts';
import { scrape } from './support/scrape.ts';
import { type Surroundings, tokensOfUsers } from './support/surroundings.ts';
import { type Turn, timeTurn } from './support/turn.ts';
import { startUpstreamStub } from './support/upstream-stub.ts';

const USERS = 8;
const IDS = ['hot-1', 'hot-2', 'hot-3', 'hot-4', 'hot-5'];
const POLL_MS = 20;

/** Callers whose lookup hangs: none, as many as there are places, and more than places and queue (64 + 256) hold. */
export const HELD = [0, 64, 400] as const;

export interface HeldUpTurn extends Turn {
  /** What the service says of its requests to the upstream, in flight and queued, at the end of the turn. */
  readonly inFlight: number;
  readonly queued: number;
  /** Of the hanging callers, answered 503 on the way. */
  readonly refused: number;
}

export interface HeldUpFigures {
  /** Turns by the number of hanging callers. */
  readonly turns: ReadonlyMap<number, readonly HeldUpTurn[]>;
}

/** Hits in memory while other lookups hang on the upstream. */
export async function measureHeldUp(
  { folder, redis, issuer, signal }: Surroundings,
  { rounds, seconds, warmUpSeconds }: MissOptions,
): Promise<HeldUpFigures> {
  const tokens = await tokensOfUsers(issuer, USERS);
  const [token = ''] = tokens;
  const script = join(folder, 'held-up.lua');
  await writeFile(script, rotatingScript(tokens, IDS));
  await using upstream = await startUpstreamStub();
  await using service = await startServiceContender('magic-hour-bff', {
    upstream,
    issuer,
    logFile: join(folder, 'held-up.log'),
    // So long that what hangs does so for the whole of a turn.
    env: { UPSTREAM_TIMEOUT_MS: '600000', UPSTREAM_DEADLINE_MS: '600000' },
  });
  const until = AbortSignal.any([signal, service.gone]);
  const gauges = async () => {
    const metric = await scrape(service.opsUrl);
    return { inFlight: metric('upstream_requests_in_flight'), queued: metric('upstream_requests_queued') };
  };
  async function untilInFlight(done: (count: number) => boolean): Promise<void> {
    while (!done((await gauges()).inFlight)) await sleep(POLL_MS, undefined, { signal: until });
  }

  async function turnWith(held: number, round: number): Promise<HeldUpTurn> {
    using holding = holdRequests(service.url, token, held, `${round}-${held}`);
    await untilInFlight((count) => count >= Math.min(held, HELD[1]));
    const turn = await timeTurn(service, redis, { script, seconds, signal });
    const { inFlight, queued } = await gauges();
    const refused = holding.refused();
    holding[Symbol.dispose]();
    // Those that queued take the places of those that are answered.
    await untilInFlight((count) => {
      upstream.release();
      return count === 0;
    });
    return { ...turn, inFlight, queued, refused };
  }

  await timeTurn(service, redis, { script, seconds: warmUpSeconds, signal });
  const turns = new Map<number, HeldUpTurn[]>(HELD.map((held) => [held, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [held, taken] of turns) taken.push(await turnWith(held, round));
  }
  return { turns };
}
