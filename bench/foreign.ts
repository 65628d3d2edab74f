import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServiceContender } from './support/contender.ts';
import { scrape } from './support/scrape.ts';
import type { Surroundings } from './support/surroundings.ts';

/** Of each sort; they come again and again. */
const PROJECTS = 1000;
const WARM_UP_PAIRS = 500;
const READY_EVERY_MS = 50;
const JSON_TYPE = { 'content-type': 'application/json' };

/** In what share of pairs the first of the two took longer; 0.5 where nothing can be told. */
export interface ForeignFigures {
  readonly pairs: number;
  /** A foreign project before an unknown one. */
  readonly foreignSlower: number;
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
  const pair = async (what: string, status: number, n: number): Promise<readonly [number, number]> => {
    const [first, unknown] = [() => timed(named(what, n), status), () => timed(named('unknown', n), 404)];
    if (Math.random() < 0.5) return [await first(), await unknown()];
    const unknownMs = await unknown();
    return [await first(), unknownMs];
  };
  const foreign: Array<readonly [number, number]> = [];
  const own: Array<readonly [number, number]> = [];
  for (let n = 0; n < WARM_UP_PAIRS + pairs; n += 1) {
    signal.throwIfAborted();
    foreign.push(await pair('foreign', 404, n));
    own.push(await pair('own', 200, n));
  }
  agent.destroy();
  const counted = foreign.slice(WARM_UP_PAIRS);
  const ownCounted = own.slice(WARM_UP_PAIRS);
  return {
    pairs,
    foreignSlower: slowerShare(counted),
    ownSlower: slowerShare(ownCounted),
    medianMs: {
      foreign: median(counted.map(([first]) => first)),
      unknown: median(counted.map(([, second]) => second)),
      own: median(ownCounted.map(([first]) => first)),
    },
    upstreamRequests: emulator.count() - before,
  };
}

/** Pairs that took the same count half. */
function slowerShare(pairs: ReadonlyArray<readonly [number, number]>): number {
  const slower = pairs.reduce(
    (sum, [first, second]) => sum + (first === second ? 0.5 : Number(first > second)),
    0,
  );
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
