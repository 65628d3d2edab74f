import { join } from 'node:path';
import { eventually } from '../test/support/stack.ts';
import { type ServiceContender, startServiceContender } from './support/contender.ts';
import { percentile } from './support/paced-load.ts';
import { type Surroundings, tokensOfUsers } from './support/surroundings.ts';
import { stampede, type Watched, watch } from './support/watchers.ts';

const USERS = 50;
const WARM_UP_WATCHERS = 200;
const WARM_UP_EVERY_MS = 100;
/** Magic Hour's SDK asks so long after each answer. */
export const LOOK_EVERY_MS = 500;
/** What the upstream takes to answer. */
export const UPSTREAM_MS = 50;

export interface StormOptions {
  readonly replicas: readonly number[];
  readonly watchers: readonly number[];
  readonly ttlsMs: readonly number[];
  /** How many lives of an answer each case lasts. */
  readonly lives: number;
  readonly stampedes: number;
  readonly stampedeWatchers: number;
}

export interface Waits {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface StormCase extends Waits {
  readonly replicas: number;
  readonly watchers: number;
  readonly ttlMs: number;
  readonly lookups: number;
  readonly upstreamRequests: number;
  /**
   * Requests of one asker who knows at once when an answer is over and asks then: one in the life of an answer and the
   * time that the next takes, the first at the beginning.
   */
  readonly ideal: number;
  /** Scripts that Redis ran. */
  readonly redisScripts: number;
}

export interface Stampede extends Waits {
  readonly replicas: number;
  readonly upstreamRequests: number;
}

export interface StormFigures {
  readonly cases: readonly StormCase[];
  readonly stampedes: readonly Stampede[];
}

/** What many watchers of one unfinished project cost the upstream, and what they wait, for one replica and for several. */
export async function measureStorms(
  surroundings: Surroundings,
  options: StormOptions,
): Promise<StormFigures> {
  const tokens = await tokensOfUsers(surroundings.issuer, USERS);
  const cases: StormCase[] = [];
  const stampedes: Stampede[] = [];
  for (const replicas of options.replicas) {
    for (const ttlMs of options.ttlsMs) {
      await using fleet = await startFleet(surroundings, replicas, ttlMs);
      for (const watchers of options.watchers)
        cases.push(await measureCase(surroundings, fleet, { tokens, watchers, ttlMs, lives: options.lives }));
      if (ttlMs !== options.ttlsMs[0]) continue;
      for (let n = 0; n < options.stampedes; n += 1) {
        const watchers = options.stampedeWatchers;
        stampedes.push(await measureStampede(surroundings, fleet, { tokens, watchers, ttlMs }));
      }
    }
  }
  return { cases, stampedes };
}

interface Fleet extends AsyncDisposable {
  readonly services: readonly ServiceContender[];
  readonly urls: readonly string[];
}

async function startFleet(
  { folder, redis, emulator, issuer }: Surroundings,
  replicas: number,
  ttlMs: number,
): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const services: ServiceContender[] = [];
  for (let n = 0; n < replicas; n += 1) {
    const service = await startServiceContender(`replica ${n}`, {
      upstream: emulator,
      issuer,
      redisUrl: redis.url,
      logFile: join(folder, `replica-${n}.log`),
      env: {
        CACHE_PENDING_TTL_MS: `${ttlMs}`,
        RATE_LIMIT_EXPECTED_REPLICAS: `${replicas}`,
        // All replicas share one core, and are busy at the same moment: this is not about a Redis that is away.
        REDIS_COMMAND_TIMEOUT_MS: '2000',
      },
    });
    services.push(stack.use(service));
  }
  const started = stack.move();
  return {
    services,
    urls: services.map(({ url }) => url),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

let projects = 0;

/** A project that nobody has asked for, and that is never finished. */
function newProject({ emulator }: Surroundings): string {
  projects += 1;
  const id = `watched-${projects}`;
  emulator.project(id, { status: 'rendering', delayMs: UPSTREAM_MS });
  return id;
}

async function measureCase(
  surroundings: Surroundings,
  { services, urls }: Fleet,
  how: Pick<Watched, 'tokens' | 'watchers'> & { readonly ttlMs: number; readonly lives: number },
): Promise<StormCase> {
  const { emulator, redis, signal } = surroundings;
  const { tokens, watchers, ttlMs, lives } = how;
  const warm = { id: newProject(surroundings), urls, tokens, watchers: WARM_UP_WATCHERS, signal };
  await watch(warm, { everyMs: WARM_UP_EVERY_MS, seconds: 1 });
  const id = newProject(surroundings);
  const seconds = (lives * (ttlMs + UPSTREAM_MS)) / 1000;
  const scriptsBefore = await redis.commandCount('evalsha');
  const tookMs = await watch({ id, urls, tokens, watchers, signal }, { everyMs: LOOK_EVERY_MS, seconds });
  return {
    replicas: services.length,
    watchers,
    ttlMs,
    lookups: tookMs.length,
    upstreamRequests: emulator.count(id),
    ideal: lives,
    redisScripts: (await redis.commandCount('evalsha')) - scriptsBefore,
    ...waitsOf(tookMs),
  };
}

/** All of them ask for what every replica had, and what is just over. */
async function measureStampede(
  surroundings: Surroundings,
  { services, urls }: Fleet,
  { tokens, watchers, ttlMs }: Pick<Watched, 'tokens' | 'watchers'> & { readonly ttlMs: number },
): Promise<Stampede> {
  const { emulator, redis, signal } = surroundings;
  const id = newProject(surroundings);
  await watch({ id, urls, tokens, watchers: urls.length, signal }, { everyMs: ttlMs, seconds: 0.01 });
  const before = emulator.count(id);
  const over = async () => (await redis.keys(`*{image:${id}}`)).length === 0;
  const tookMs = await stampede({ id, urls, tokens, watchers, signal }, async () => {
    await eventually(over);
    // What they get doesn't end while they are answered.
    emulator.project(id, { status: 'complete', delayMs: UPSTREAM_MS });
  });
  return { replicas: services.length, upstreamRequests: emulator.count(id) - before, ...waitsOf(tookMs) };
}

function waitsOf(tookMs: Float64Array): Waits {
  return {
    p50Ms: percentile(tookMs, 50),
    p99Ms: percentile(tookMs, 99),
    maxMs: tookMs.at(-1) ?? Number.NaN,
  };
}
