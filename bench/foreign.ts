import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServiceContender } from './support/contender.ts';
import { scrape } from './support/scrape.ts';
import type { Surroundings } from './support/surroundings.ts';

/** Of each sort; they come again and again. */
const PROJECTS = 1000;
/** Once round all projects: what is counted of each at its first time is not timed. */
const WARM_UP_PAIRS = PROJECTS;
const READY_EVERY_MS = 50;
const JSON_TYPE = { 'content-type': 'application/json' };

/** How long each of the two took, in milliseconds. */
type Pair = readonly [number, number];

/** In what share of pairs the first of the two took longer; 0.5 where nothing can be told. */
export interface ForeignFigures {
  readonly pairs: number;
  /** A foreign project before an unknown one. */
  readonly foreignSlower: number;
  /** An unknown one before another: what no difference looks like. */
  readonly unknownSlower: number;
  /** A project of the user's own before an unknown one: what a difference looks like. */
  readonly ownSlower: number;
  readonly medianMs: { readonly foreign: number; readonly unknown: number; readonly own: number };
  readonly upstreamRequests: number;
}

/** Pairs of lookups by one user over one connection, in an order that is drawn for each, of which both are answered 404. */
export async function measureForeign(
  { redis, emulator, issuer, signal }: Surroundings,
  pairs: number,
): Promise<ForeignFigures> {
  await redis.command('FLUSHALL');
  await using service = await startServiceContender('the service', {
    upstream: emulator,
    issuer,
    redisUrl: redis.url,
    logFile: '/dev/null',
    env: {
      ACCESS_POLICY: 'owner',
      RATE_LIMIT_MAX: '1000000000',
      RATE_LIMIT_IP_MAX: '1000000000',
      RATE_LIMIT_NOT_FOUND_MAX: '10000',
    },
  });
  while ((await scrape(service.opsUrl))('redis_up') !== 1) await sleep(READY_EVERY_MS, undefined, { signal });
  const bearer = async (claims: Readonly<Record<string, string>>) => `Bearer ${await issuer.token(claims)}`;
  const [backend, alice, bob] = [
    await bearer({ sub: 'backend', scope: 'image-projects:assign' }),
    await bearer({ sub: 'alice' }),
    await bearer({ sub: 'bob' }),
  ];
  const named = (what: string, n: number) => `complete-${what}-${String(n % PROJECTS).padStart(4, '0')}`;
  for (const [what, owner] of [
    ['foreign', 'alice'],
    ['own', 'bob'],
  ] as const) {
    const assignments = Array.from({ length: PROJECTS }, (_, n) => ({ id: named(what, n), owner }));
    const assigned = await fetch(`${service.url}/v1/image-project-owners`, {
      method: 'POST',
      headers: { ...JSON_TYPE, authorization: backend },
      body: JSON.stringify({ assignments }),
    });
    assert.equal(assigned.status, 200);
    // All of them are in memory and in Redis, for their owners.
    const authorization = owner === 'alice' ? alice : bob;
    for (let n = 0; n < PROJECTS; n += 1) {
      const read = await fetch(`${service.url}/v1/image-projects/${named(what, n)}`, {
        headers: { authorization },
      });
      assert.equal(read.status, 200);
      await read.arrayBuffer();
    }
  }
  const before = emulator.count();

  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const timed = async (id: string, status: number): Promise<number> => {
    const begunMs = performance.now();
    const answered = await ask(`${service.url}/v1/image-projects/${id}`, bob, agent);
    const tookMs = performance.now() - begunMs;
    assert.equal(answered, status);
    return tookMs;
  };
  /** @returns how long each of the pair took, in milliseconds */
  const pair = async (what: string, status: number, beside: string, n: number): Promise<Pair> => {
    const [one, other] = [() => timed(named(what, n), status), () => timed(named(beside, n), 404)];
    if (Math.random() < 0.5) return [await one(), await other()];
    const otherMs = await other();
    return [await one(), otherMs];
  };
  // Each project stands in one pair alone, so that none is remembered better than the other.
  const measured: Record<'foreign' | 'unknown' | 'own', Pair[]> = { foreign: [], unknown: [], own: [] };
  for (let n = 0; n < WARM_UP_PAIRS + pairs; n += 1) {
    signal.throwIfAborted();
    const round = {
      foreign: await pair('foreign', 404, 'unknown', n),
      unknown: await pair('another', 404, 'nothing', n),
      own: await pair('own', 200, 'nowhere', n),
    };
    if (n < WARM_UP_PAIRS) continue;
    measured.foreign.push(round.foreign);
    measured.unknown.push(round.unknown);
    measured.own.push(round.own);
  }
  agent.destroy();
  return {
    pairs,
    foreignSlower: slowerShare(measured.foreign),
    unknownSlower: slowerShare(measured.unknown),
    ownSlower: slowerShare(measured.own),
    medianMs: {
      foreign: median(measured.foreign.map(([one]) => one)),
      unknown: median(measured.foreign.map(([, other]) => other)),
      own: median(measured.own.map(([one]) => one)),
    },
    upstreamRequests: emulator.count() - before,
  };
}

/** Pairs that took the same count half. */
function slowerShare(pairs: readonly Pair[]): number {
  const slower = pairs.reduce((sum, [one, other]) => sum + (one === other ? 0.5 : Number(one > other)), 0);
  return slower / pairs.length;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function ask(url: string, authorization: string, agent: Agent): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  request(url, { agent, headers: { authorization } }, (response) => {
    response.resume().once('end', () => resolve(response.statusCode ?? 0));
  })
    .once('error', reject)
    .end();
  return promise;
}
