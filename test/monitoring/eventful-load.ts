import type { LookupOptions, Stack } from '../support/stack.ts';
import { LIMIT_PER_USER, type WatchedService } from './watched-service.ts';

const OTHER_KEY = 'mhk_test_withdrawn';
const CIRCUIT_OPENS_AFTER = 10;

export interface EventfulLoad {
  /** Resolves when that many more rounds are over. */
  rounds(count: number): Promise<void>;
  /** Lets the present round end. @throws what ended it early */
  stop(): Promise<void>;
}

/** All that metrics tell of, again and again: hits of each kind, misses, refusals, and a Magic Hour that fails in all its ways. */
export function startEventfulLoad({ replicas: [one, other] }: WatchedService): EventfulLoad {
  let stopped = false;
  let over = 0;
  const waiting = new Set<{ readonly at: number; readonly resolve: () => void }>();

  async function run(): Promise<void> {
    for (let n = 1; !stopped; n += 1) {
      await answered(one, other, n);
      await refused(one, n);
      await failed(one, n);
      over += 1;
      for (const waiter of waiting) if (over >= waiter.at) waiter.resolve();
    }
  }
  const running = run();
  running.catch(() => undefined);
  return {
    rounds(count) {
      const reached = new Promise<void>((resolve) => waiting.add({ at: over + count, resolve }));
      return Promise.race([reached, running]);
    },
    stop() {
      stopped = true;
      return running;
    },
  };
}

/** Misses, hits in memory and in Redis, lookups that share a flight, 404 and 304, from several users. */
async function answered(one: Stack, other: Stack, n: number): Promise<void> {
  const user = `user-${n}`;
  const fresh = `complete-${n}`;
  await one.lookup(fresh, { user });
  await other.lookup(fresh, { user });
  const { headers } = await one.lookup(fresh, { user });
  await one.lookup(fresh, { user, headers: { 'if-none-match': headers.get('etag') ?? '' } });
  await one.lookup(fresh, { user, method: 'HEAD' });
  await Promise.all(
    ['a', 'b', 'c'].map((together) => one.lookup(`slow-50-${n}`, { user: `${user}-${together}` })),
  );
  await Promise.all(
    ['queued', 'failed', 'canceled', 'missing'].map((id) => one.lookup(`${id}-${n}`, { user })),
  );
}

/** Callers without a token, with one that is over, with none that is one; one who asks too often; routes that are none. */
async function refused(stack: Stack, n: number): Promise<void> {
  const past = Math.floor(Date.now() / 1000) - 3600;
  const tokens = [await stack.issuer.token({ exp: past }), 'not.a.token'];
  const path = `/v1/image-projects/complete-${n}`;
  await stack.client.request(path);
  for (const token of tokens)
    await stack.client.request(path, { headers: { authorization: `Bearer ${token}` } });
  await stack.client.request('/nowhere');
  const greedy: LookupOptions = { user: 'greedy' };
  for (let asked = 0; asked < LIMIT_PER_USER / 4; asked += 1) await stack.lookup(`complete-${n}`, greedy);
}

/** Magic Hour wants money, less of us, another key; is odd, gives the key away, is slow, and ill for a while. */
async function failed(stack: Stack, n: number): Promise<void> {
  const { emulator } = stack;
  const user = `user-${n}`;
  for (const status of [400, 402, 403, 429]) await stack.lookup(`status-${status}-${n}`, { user });
  emulator.setApiKeys([OTHER_KEY]);
  await stack.lookup(`complete-refused-${n}`, { user });
  emulator.setApiKeys([emulator.apiKey]);
  emulator.project(`odd-${n}`, { status: 'paused', fields: { surprise: 1 } });
  await stack.lookup(`odd-${n}`, { user });
  emulator.project(`leaking-${n}`, { status: 'complete', fields: { name: emulator.apiKey } });
  await stack.lookup(`leaking-${n}`, { user });
  await stack.lookup(`hang-${n}`, { user });
  // Each is tried several times, so this is enough for the circuit.
  for (let failures = 0; failures < CIRCUIT_OPENS_AFTER / 2; failures += 1)
    await stack.lookup(`status-503-${n}-${failures}`, { user });
}
