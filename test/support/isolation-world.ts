import { DAY_MS } from './builders.ts';
import { faultsOf, type SentRequest } from './isolation-judge.ts';
import { createIsolationModel, type IsolationModel, type MaySee } from './isolation-model.ts';
import { startMagicHourEmulator } from './magic-hour-emulator.ts';
import { createManualClock } from './manual-clock.ts';
import { startRedisServer } from './redis-server.ts';
import { eventually, openStack, type Stack } from './stack.ts';
import { startTokenIssuer } from './token-issuer.ts';

/** The limit of each user; few enough to be reached, and for every hit to be counted at once. */
export const MAX_HITS = 20;

export const TOKENS = ['own', 'none', 'expired', "another's signature"] as const;

/** A lookup, told by places in the lists of replicas, users, ids and validators. */
export interface LookupPlan {
  readonly replica: number;
  readonly user: number;
  readonly id: number;
  readonly token: (typeof TOKENS)[number];
  readonly method: 'GET' | 'HEAD';
  readonly ifNoneMatch: 'none' | 'one of all' | '*';
  readonly etag: number;
  readonly minValidSeconds: number | undefined;
}

/** A request that is ready to be sent, and what its answer is judged by. */
export interface PreparedLookup {
  readonly replica: Stack;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sent: SentRequest;
}

/** Users and projects that nobody knew before. */
export interface Round {
  readonly clock: { advance(ms: number): void };
  readonly model: IsolationModel;
  prepare(plan: LookupPlan): PreparedLookup;
  /** Sends it. @returns what is wrong with the answer */
  lookUp(prepared: PreparedLookup, signal?: AbortSignal): Promise<readonly string[]>;
  idOf(place: number): string;
  /** Resolves when nothing from before can be served any more, by any replica. */
  purge(id: string): Promise<void>;
}

export interface IsolationWorld {
  beginRound(size: { readonly users: number; readonly ids: number }): Promise<Round>;
  close(): Promise<void>;
}

/** Users and projects belong to one of so many tenants, by their places in the round's lists. */
export const TENANTS = 3;
const tenantOf = (name: string) => `tenant-${Number(/\d+$/.exec(name)?.[0]) % TENANTS}`;
const POLICIES = {
  authenticated: () => true,
  tenant: (user, id) => tenantOf(user) === tenantOf(id),
} satisfies Record<string, MaySee>;

/** Two replicas over a real Redis and the emulator, all on one clock that moves only when told. */
export async function createIsolationWorld(
  policy: keyof typeof POLICIES = 'authenticated',
): Promise<IsolationWorld> {
  const maySee: MaySee = POLICIES[policy];
  const clock = createManualClock(Date.now());
  const redis = await startRedisServer();
  const emulator = await startMagicHourEmulator({ now: clock.now });
  const issuer = await startTokenIssuer({ tokenLifetimeSeconds: (3650 * DAY_MS) / 1000 });
  const env = {
    REDIS_URL: redis.url,
    // A busy machine must not look like a Redis that is away.
    REDIS_COMMAND_TIMEOUT_MS: '10000',
    RATE_LIMIT_MAX: String(MAX_HITS),
    RATE_LIMIT_IP_MAX: '10000000',
    RATE_LIMIT_NOT_FOUND_MAX: '0',
    ACCESS_POLICY: policy,
    AUTH_TENANT_CLAIM: 'org',
  };
  const beside = { emulator, issuer };
  const replicas = [await openStack({ env, clock, beside }), await openStack({ env, clock, beside })];
  for (const replica of replicas) await eventually(async () => (await replica.metric('redis_up')) === 1);
  let rounds = 0;
  let requests = 0;

  async function tokensOf(user: string, other: string): Promise<Readonly<Record<string, string>>> {
    const own = await issuer.token({ sub: user, org: tenantOf(user) });
    const others = await issuer.token({ sub: other, org: tenantOf(other) });
    const forged = [...own.split('.').slice(0, 2), others.split('.')[2]].join('.');
    return {
      own,
      expired: await issuer.token({ sub: user, org: tenantOf(user), exp: 1_000_000_000 }),
      "another's signature": forged,
    };
  }

  async function assignOwners(ids: readonly string[]): Promise<void> {
    const token = await issuer.token({ sub: `backend-${rounds}`, scope: 'image-projects:assign' });
    const assignments = ids.map((id) => ({ id, owner: 'somebody', tenant: tenantOf(id) }));
    const { status } = await of(replicas, 0).client.request('/v1/image-project-owners', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ assignments }),
    });
    if (status !== 200) throw new Error(`owners were answered ${status}`);
  }

  async function beginRound(size: { readonly users: number; readonly ids: number }): Promise<Round> {
    rounds += 1;
    emulator.clear();
    const ids = Array.from({ length: size.ids }, (_, n) => `iso-${rounds}-${n}`);
    const users = Array.from({ length: size.users }, (_, n) => `user-${rounds}-${n}`);
    const tokens = await Promise.all(users.map((user, n) => tokensOf(user, users[n - 1] ?? 'nobody')));
    if (policy === 'tenant') await assignOwners(ids);
    const model = createIsolationModel({ emulator, ids, now: clock.now, maySee });
    const idOf = (place: number) => of(ids, place);

    function prepare(plan: LookupPlan): PreparedLookup {
      requests += 1;
      const requestId = `r-${requests}`;
      const id = idOf(plan.id);
      const token = of(tokens, plan.user)[plan.token];
      const etag = of(model.etags, plan.etag);
      const ifNoneMatch = { none: undefined, '*': '*', 'one of all': etag }[plan.ifNoneMatch];
      const query = plan.minValidSeconds === undefined ? '' : `?min_valid=${plan.minValidSeconds}`;
      return {
        replica: of(replicas, plan.replica),
        path: `/v1/image-projects/${id}${query}`,
        headers: {
          'x-request-id': requestId,
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(ifNoneMatch !== undefined && { 'if-none-match': ifNoneMatch }),
        },
        sent: {
          user: of(users, plan.user),
          signedIn: plan.token === 'own',
          id,
          method: plan.method,
          ifNoneMatch,
          requestId,
          sending: model.sending(id),
        },
      };
    }

    return {
      clock,
      model,
      prepare,
      idOf,
      async lookUp({ replica, path, headers, sent }, signal) {
        if (sent.signedIn) model.count(sent.user);
        try {
          const init = { method: sent.method, headers, ...(signal && { signal }) };
          return faultsOf(sent, await replica.client.request(path, init), model, MAX_HITS);
        } catch (error) {
          if (signal?.aborted) return [];
          throw error;
        }
      },
      async purge(id) {
        const over = model.beginPurge(id);
        // Twice: what a replica reads again from Redis before the first purge gets there goes by the second.
        for (const { ops } of [...replicas, ...replicas]) {
          const { status } = await ops.request(`/cache/image-projects/${id}`, { method: 'DELETE' });
          if (status !== 204) throw new Error(`the purge answered ${status}`);
        }
        over();
      },
    };
  }

  return {
    beginRound,
    async close() {
      await Promise.all(replicas.map((replica) => replica.stop()));
      await Promise.all([emulator.close(), issuer.close(), redis.stop()]);
    },
  };
}

function of<T>(list: readonly T[], place: number): T {
  const item = list[place % list.length];
  if (item === undefined) throw new Error('the list is empty');
  return item;
}
