import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { SECURITY_HEADERS } from '../../src/http/security-headers.ts';
import { giveBackSigningKeys, takeSigningKey } from '../../test/support/signing-keys.ts';
import type { TokenIssuer } from '../../test/support/token-issuer.ts';
import type { FullKind, Ring } from '../contenders/kinds.ts';
import type { Contender, FullContender } from './contender.ts';
import type { Expected } from './ring.ts';
import { scrape } from './scrape.ts';

const LIMIT = 10;
const BEYOND_LIMIT = 5;

function get({ url }: Contender, id: string, token?: string): Promise<Response> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${url}/v1/image-projects/${id}`, { headers });
}

async function statusOf(contender: Contender, id: string, token?: string): Promise<number> {
  const response = await get(contender, id, token);
  await response.arrayBuffer();
  return response.status;
}

export async function checkBareBytes(name: string, contender: Contender, expected: readonly Expected[]) {
  for (const { id, body } of expected) {
    assert.equal(await (await get(contender, id)).text(), body, `${name} must answer the same bytes`);
  }
}

/**
 * Makes sure that what is timed does the whole work: the upstream's bytes for good tokens and nothing for bad ones, a
 * request id and helmet's headers, metrics. Puts the projects into the contender's cache on the way.
 *
 * @throws AssertionError that names the contender
 */
export async function checkFull(
  { name, requestsMetric }: FullKind,
  contender: FullContender,
  {
    issuer,
    tokens,
    expected,
  }: { issuer: TokenIssuer; tokens: readonly string[]; expected: readonly Expected[] },
): Promise<void> {
  const requestIds = new Set<string | null>();
  for (const { id, body } of expected) {
    for (const token of tokens) {
      const response = await get(contender, id, token);
      assert.equal(response.status, 200, `${name} must let in who has a good token`);
      assert.equal(await response.text(), body, `${name} must answer the upstream's bytes`);
      for (const [header] of SECURITY_HEADERS.filter(([header]) => header !== 'Vary')) {
        assert.ok(response.headers.has(header), `${name} must send ${header}`);
      }
      requestIds.add(response.headers.get('x-request-id'));
    }
  }
  assert.ok(!requestIds.has(null), `${name} must send a request id`);
  assert.equal(requestIds.size, tokens.length * expected.length, `${name} must give each request its own id`);
  for (const [what, token] of await badTokens(issuer, tokens)) {
    for (const { id } of expected) {
      const status = await statusOf(contender, id, token);
      assert.ok(status === 401 || status === 403, `${name} must refuse ${what}, and answered ${status}`);
    }
  }
  const counted = (await scrape(contender.opsUrl))(...requestsMetric);
  assert.ok(counted >= requestIds.size, `${name} must count its requests in metrics, and counted ${counted}`);
}

/** Each is good but for one thing. */
async function badTokens(
  issuer: TokenIssuer,
  [good = '', another = '']: readonly string[],
): Promise<Array<readonly [what: string, token: string | undefined]>> {
  const [header, claims, signature = ''] = good.split('.');
  const nowSeconds = Math.floor(Date.now() / 1000);
  const middle = signature.length / 2;
  const changed = signature[middle] === 'A' ? 'B' : 'A';
  const broken = signature.slice(0, middle) + changed + signature.slice(middle + 1);
  return [
    ['no token', undefined],
    ['a broken signature', `${header}.${claims}.${broken}`],
    ["another token's claims", `${header}.${another.split('.')[1]}.${signature}`],
    ['a token without a signature', `${header}.${claims}.`],
    ['an expired token', await issuer.token({ iat: nowSeconds - 7200, exp: nowSeconds - 3600 })],
    ['a token of another issuer', await issuer.token({ iss: 'https://elsewhere.example/' })],
    ['a token for another audience', await issuer.token({ aud: 'elsewhere' })],
    ['a token by another key', await byAnotherKey(issuer)],
  ];
}

/** Its `kid` is the right one, so that the signature alone tells. */
async function byAnotherKey(issuer: TokenIssuer): Promise<string> {
  const { kid } = issuer.currentKey();
  const key = await takeSigningKey('RS256');
  try {
    return await issuer.token({}, { key, header: { kid } });
  } finally {
    giveBackSigningKeys([key]);
  }
}

/**
 * Starts the contender once more with a low limit and makes sure that a user gets just so much and is refused with 429
 * from then on, and that another user is let in meanwhile.
 */
export async function checkLimit(kind: FullKind, ring: Ring, issuer: TokenIssuer): Promise<void> {
  const { name } = kind;
  // Nobody whom a contender before this one has counted in Redis.
  const user = randomUUID();
  const greedy = await issuer.token({ sub: `greedy-${user}` });
  const modest = await issuer.token({ sub: `modest-${user}` });
  await using contender = await kind.start(ring, { limit: LIMIT, logFile: '/dev/null' });
  const [id] = ring.ids;
  const statuses: number[] = [];
  for (let n = 0; n < LIMIT + BEYOND_LIMIT; n += 1) statuses.push(await statusOf(contender, id, greedy));
  const wanted = [...Array(LIMIT).fill(200), ...Array(BEYOND_LIMIT).fill(429)];
  assert.deepEqual(statuses, wanted, `${name} must let ${LIMIT} requests of a user through, and no more`);
  assert.equal(await statusOf(contender, id, modest), 200, `${name} must count each user apart`);
}
