import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { settle } from '../support/builders.ts';
import { faultsOf } from '../support/isolation-judge.ts';
import { type IsolationModel, STATES } from '../support/isolation-model.ts';
import {
  createIsolationWorld,
  type IsolationWorld,
  MAX_HITS,
  type PreparedLookup,
  type Round,
  TENANTS,
  TOKENS,
} from '../support/isolation-world.ts';
import { exchange } from '../support/raw-http.ts';

let open: IsolationWorld;
let ofTenants: IsolationWorld;
beforeAll(async () => {
  open = await createIsolationWorld();
  ofTenants = await createIsolationWorld('tenant');
});
afterAll(async () => {
  await open.close();
  await ofTenants.close();
});

const [IDS, REPLICAS, USERS, AUDITORS] = [TENANTS, 2, TENANTS, 2 * TENANTS];
let audits = 0;

/** Of a replica or a project. */
const place = fc.nat({ max: 5 });
/** How many turns of the event loop something waits, so that things meet each other on the way. */
const turns = fc.nat({ max: 12 });
const state = fc.constantFrom(...STATES);

const lookup = fc.record({
  act: fc.constant('lookup' as const),
  turns,
  replica: place,
  user: fc.nat({ max: USERS - 1 }),
  id: place,
  token: fc.oneof(
    { weight: 4, arbitrary: fc.constant('own' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...TOKENS) },
  ),
  method: fc.constantFrom('GET', 'GET', 'HEAD'),
  ifNoneMatch: fc.constantFrom('none', 'one of all', 'one of all', '*'),
  etag: fc.nat({ max: 30 }),
  minValidSeconds: fc.option(fc.constantFrom(0, 100, 86_400), { nil: undefined, freq: 4 }),
  abortAfterTurns: fc.option(turns, { nil: undefined, freq: 6 }),
});
const define = fc.record({ act: fc.constant('define' as const), turns, id: place, state });
const purge = fc.record({ act: fc.constant('purge' as const), turns, id: place });
const actions = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: lookup },
    { weight: 1, arbitrary: define },
    { weight: 1, arbitrary: purge },
  ),
  { minLength: 1, maxLength: 14, size: 'max' },
);
type Action = typeof actions extends fc.Arbitrary<Array<infer T>> ? T : never;

async function waitTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await settle();
}

async function take(action: Action, round: Round): Promise<readonly string[]> {
  await waitTurns(action.turns);
  if (action.act === 'define') round.model.define(round.idOf(action.id), action.state);
  if (action.act === 'purge') await round.purge(round.idOf(action.id));
  if (action.act !== 'lookup') return [];
  const leaving = new AbortController();
  const answered = round.lookUp(round.prepare(action), leaving.signal);
  if (action.abortAfterTurns !== undefined) {
    await waitTurns(action.abortAfterTurns);
    leaving.abort();
  }
  return answered;
}

/**
 * Asks for every project at every replica, one after the other: so long that the flights of those who left are over, too,
 * before time goes on.
 */
async function audit(round: Round): Promise<readonly string[]> {
  const faults: string[] = [];
  for (let n = 0; n < IDS * REPLICAS; n += 1) {
    audits += 1;
    // Of the project's own tenant, by turns.
    const user = USERS + ((TENANTS * audits) % AUDITORS) + (n % TENANTS);
    const plan = { user, id: n, replica: Math.floor(n / IDS), etag: n } as const;
    const rest = { token: 'own', method: 'GET', ifNoneMatch: 'none', minValidSeconds: undefined } as const;
    faults.push(...(await round.lookUp(round.prepare({ ...plan, ...rest }))));
  }
  return faults;
}

function command(
  facts: unknown,
  run: (round: Round) => Promise<void>,
): fc.AsyncCommand<IsolationModel, Round> {
  return { check: () => true, run: (_model, round) => run(round), toString: () => JSON.stringify(facts) };
}

/** Several things at once; all of them are over before the next step. */
const races = actions.map((race) =>
  command(race, async (round) => {
    round.model.nextStep();
    const faults = await Promise.all(race.map((action) => take(action, round)));
    const someoneLeft = race.some(
      (action) => action.act === 'lookup' && action.abortAfterTurns !== undefined,
    );
    expect([...faults.flat(), ...(someoneLeft ? await audit(round) : [])]).toEqual([]);
  }),
);
const defines = define.map((action) => command(action, async (round) => void (await take(action, round))));
const passes = fc
  .constantFrom(400, 1100, 6000, 31_000, 61_000, 86_400_000)
  .map((ms) => command({ act: 'pass', ms }, async (round) => round.clock.advance(ms)));

test.each<[string, () => IsolationWorld]>([
  ['ACCESS_POLICY=authenticated', () => open],
  ['ACCESS_POLICY=tenant', () => ofTenants],
])(
  'nobody sees what the policy does not give them, whoever does what at the same time: %s',
  async (_policy, worldOf) => {
    const world = worldOf();
    await fc.assert(
      fc.asyncProperty(
        fc.commands([races, races, defines, passes], { maxCommands: 30, size: 'max' }),
        async (steps) => {
          const round = await world.beginRound({ users: USERS + AUDITORS, ids: IDS });
          await fc.asyncModelRun(() => ({ model: round.model, real: round }), steps);
        },
      ),
      // Races on real sockets don't repeat to the letter: the first that fails is worth more than a search for a shorter one.
      { numRuns: 20, endOnFailure: true },
    );
  },
  120_000,
);

/** One connection, on which everything is asked at once. */
async function pipeline(prepared: readonly PreparedLookup[], round: Round): Promise<readonly string[]> {
  const url = prepared[0]?.replica.service.publicUrl ?? '';
  const requests = prepared.map(({ path, headers, sent }) => {
    if (sent.signedIn) round.model.count(sent.user);
    const lines = Object.entries({ host: 'bff.example', ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
  });
  const last = 'GET /openapi.json HTTP/1.1\r\nhost: bff.example\r\nconnection: close\r\n\r\n';
  const { answers, rest } = await exchange(url, requests.join('') + last, { withinMs: 20_000 });
  expect([answers.length, rest.length]).toEqual([prepared.length + 1, 0]);
  return prepared.flatMap(({ sent }, at) => {
    const answer = answers[at];
    return answer === undefined ? ['no answer'] : faultsOf(sent, answer, round.model, MAX_HITS);
  });
}

test('hundreds of requests of many users, pipelined over few connections, get each their own answer', async () => {
  const round = await open.beginRound({ users: 60, ids: 20 });
  round.model.nextStep();
  const connections = Array.from({ length: 8 }, (_, connection) =>
    Array.from({ length: 100 }, (_each, n) => {
      const at = connection * 100 + n;
      return round.prepare({
        replica: connection,
        user: at * 7,
        id: at * 13,
        token: TOKENS[at % 5] ?? 'own',
        method: 'GET',
        ifNoneMatch: at % 3 === 0 ? 'one of all' : 'none',
        etag: at * 11,
        minValidSeconds: at % 10 === 0 ? 86_400 : undefined,
      });
    }),
  );
  const faults = await Promise.all(connections.map((prepared) => pipeline(prepared, round)));
  expect(faults.flat()).toEqual([]);
}, 120_000);
