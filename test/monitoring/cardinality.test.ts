import { Agent, request } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { createRandom, pick, type Random } from '../support/random.ts';
import { startStack } from '../support/stack.ts';

const REQUESTS = 10_000;
const AT_ONCE = 20;
const WARM_UP = 2000;
const SEED = Number(process.env.CARDINALITY_SEED ?? 20_261_124);
const TEST_TIMEOUT_MS = 60_000;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'PURGE', 'M-SEARCH'];
const FIRST_PARTS = ['v1', 'v2', 'metrics', 'cache', 'openapi.json', '..', '%2e', 'image-projects'];
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-%.~';
const ID_LETTERS = 64;

const word = (random: Random, letters: number) =>
  Array.from({ length: 1 + random(20) }, () => LETTERS[random(letters)]).join('');

interface Asked {
  readonly method: string;
  readonly path: string;
}

/** Half of them are lookups of projects that nobody asked for yet, the other half is any path by any method. */
function randomRequest(random: Random): Asked {
  if (random(2) === 0) {
    const id = `${pick(['complete', 'missing', 'status-402-', 'x'], random)}${word(random, ID_LETTERS)}`;
    return { method: random(4) === 0 ? pick(METHODS, random) : 'GET', path: `/v1/image-projects/${id}` };
  }
  const parts = Array.from({ length: 1 + random(4) }, () => word(random, LETTERS.length));
  const first = random(2) === 0 ? [pick(FIRST_PARTS, random)] : [];
  return {
    method: pick(METHODS, random),
    path: `/${[...first, ...parts].join('/')}?${word(random, ID_LETTERS)}=1`,
  };
}

test('ten thousand random paths and users add no series', { timeout: TEST_TIMEOUT_MS }, async () => {
  const { service, issuer, ops } = await startStack({
    env: { RATE_LIMIT_IP_MAX: '10000000', UPSTREAM_MAX_QUEUE: '10000', LOG_LEVEL: 'fatal' },
  });
  const { hostname, port } = new URL(service.publicUrl);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  onTestFinished(() => agent.destroy());
  const statuses = new Map<number, number>();

  async function ask({ method, path }: Asked, user: string): Promise<void> {
    const authorization = `Bearer ${await issuer.token({ sub: user }, { algorithm: 'EdDSA' })}`;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    request({ agent, hostname, port, method, path, headers: { authorization } }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    })
      .once('error', reject)
      .end();
    const status = await promise;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }

  async function askMany(count: number, random: Random, usersPrefix: string): Promise<void> {
    let asked = 0;
    const askOn = async () => {
      while (asked < count) {
        asked += 1;
        await ask(randomRequest(random), `${usersPrefix}-${asked}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, askOn));
  }

  async function series(): Promise<string[]> {
    const page = (await ops.request('/metrics')).body.toString();
    const samples = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return samples.map((line) => line.slice(0, line.lastIndexOf(' '))).toSorted();
  }

  await askMany(WARM_UP, createRandom(SEED + 1), 'early');
  // The first scrape is a request as well, and has a series of its own from the second on.
  await series();
  const before = await series();
  const seenBefore = new Set(statuses.keys());
  await askMany(REQUESTS, createRandom(SEED), 'user');
  expect(await series()).toEqual(before);
  expect(new Set(statuses.keys())).toEqual(seenBefore);
  for (const status of [200, 402, 404, 405])
    expect(statuses.get(status) ?? 0, `${status}`).toBeGreaterThan(100);
});
