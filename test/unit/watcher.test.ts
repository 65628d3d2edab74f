import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HttpError } from '../../src/errors.ts';
import { etagOf } from '../../src/lookup/answer.ts';
import type { Found } from '../../src/lookup/found.ts';
import { type Payer, payWith } from '../../src/lookup/payer.ts';
import { createWatcher, type Follower } from '../../src/lookup/watcher.ts';
import { answer } from '../support/builders.ts';

const PENDING_TTL_MS = 1000;
const POLICY = { minIntervalMs: PENDING_TTL_MS, maxIntervalMs: 10_000 };

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const found = (fields: Record<string, unknown>, source: Found['source'] = 'upstream'): Found => ({
  answer: answer(fields, { fetchedAtMs: Date.now(), freshUntilMs: Date.now() + PENDING_TTL_MS }),
  source,
  collapsed: false,
  forwarded: 'stale',
});
const queued = () => found({ status: 'queued' });

/** A lookup that answers what the test says, and when it was asked. */
function createWorld(age?: () => Promise<number>) {
  const polls: number[] = [];
  const world = {
    polls,
    next: (): Found | Promise<Found> => queued(),
    /** What a poll waits for before it comes to ask the upstream. */
    beforePaying: async (): Promise<void> => undefined,
  };
  const watcher = createWatcher({
    lookup: {
      async poll({ payer }) {
        await world.beforePaying();
        if (payer !== undefined) await payWith(payer);
        polls.push(Date.now());
        return world.next();
      },
    },
    shared: age && { begin: age },
    clock: { now: Date.now },
    policy: POLICY,
  });
  return Object.assign(world, { watcher });
}

function createFollower(payer?: Payer) {
  const heard: string[] = [];
  const follower: Follower = {
    payer,
    changed: ({ answer: told }) => void heard.push(told.found ? told.status : 'gone'),
    ended: () => void heard.push('ended'),
  };
  return { heard, follower };
}

const follow = ({ watcher }: Pick<ReturnType<typeof createWorld>, 'watcher'>, follower: Follower) =>
  watcher.follow('image', 'p1', queued(), follower);

describe('a project that is followed', () => {
  test('is polled once an interval, however many follow it', async () => {
    const world = createWorld();
    for (let n = 0; n < 100; n += 1) follow(world, createFollower().follower);
    await vi.advanceTimersByTimeAsync(5500);
    expect(world.polls).toHaveLength(5);
    expect(world.watcher.watched).toBe(1);
  });

  test('tells each change once, to all, and nothing behind the last', async () => {
    const world = createWorld();
    const followers = [createFollower(), createFollower()];
    for (const { follower } of followers) follow(world, follower);
    for (const status of ['queued', 'rendering', 'rendering', 'complete', 'queued']) {
      world.next = () => found({ status });
      await vi.advanceTimersByTimeAsync(1100);
    }
    for (const { heard } of followers) expect(heard).toEqual(['rendering', 'complete']);
    expect(world.watcher.watched).toBe(0);
    expect(world.polls).toHaveLength(4);
  });

  test('is asked for more rarely as it ages, down to the longest interval', async () => {
    const world = createWorld();
    follow(world, createFollower().follower);
    await vi.advanceTimersByTimeAsync(600_000);
    const gaps = world.polls.slice(1).map((at, n) => at - (world.polls[n] ?? 0));
    expect(gaps[0]).toBeLessThan(1100);
    expect(gaps.at(-1)).toBe(10_025);
    for (const [n, gap] of gaps.slice(1).entries()) expect(gap).toBeGreaterThanOrEqual(gaps[n] ?? 0);
    expect(gaps.length).toBeLessThan(100);
  });

  test('has the age that the fleet knows', async () => {
    const world = createWorld(async () => 600_000);
    follow(world, createFollower().follower);
    await vi.advanceTimersByTimeAsync(2 * 10_100);
    expect(world.polls).toHaveLength(2);
  });

  test('has its own age while the fleet’s can’t be known, also for those who come back', async () => {
    const world = createWorld(() => Promise.reject(new Error('away')));
    follow(world, createFollower().follower);
    await vi.advanceTimersByTimeAsync(200_000);
    const { follower } = createFollower();
    const again = follow(world, follower);
    again.leave();
    world.polls.length = 0;
    follow(world, follower);
    await vi.advanceTimersByTimeAsync(10_100);
    expect(world.polls.length).toBeLessThanOrEqual(2);
  });

  test('is not polled once everybody has left', async () => {
    const world = createWorld();
    const both = [follow(world, createFollower().follower), follow(world, createFollower().follower)];
    both[0]?.leave();
    await vi.advanceTimersByTimeAsync(1100);
    expect(world.polls).toHaveLength(1);
    both[1]?.leave();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(world.polls).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is asked for ever more rarely while there is no answer, and goes on when there is', async () => {
    const world = createWorld();
    const { heard, follower } = createFollower();
    follow(world, follower);
    world.next = () => Promise.reject(new HttpError('upstream_error'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(world.polls.length).toBeLessThan(10);
    world.next = () => found({ status: 'complete' });
    await vi.advanceTimersByTimeAsync(10_100);
    expect(heard).toEqual(['complete']);
  });

  test('is left alone for as long as the upstream says', async () => {
    const world = createWorld();
    follow(world, createFollower().follower);
    world.next = () => Promise.reject(new HttpError('upstream_unavailable', { retryAfterSeconds: 30 }));
    await vi.advanceTimersByTimeAsync(1100 + 29_900);
    expect(world.polls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(300);
    expect(world.polls).toHaveLength(2);
  });

  test('is told of as others bring it, and polled an interval after that', async () => {
    const world = createWorld();
    const { heard, follower } = createFollower();
    follow(world, follower);
    await vi.advanceTimersByTimeAsync(900);
    world.watcher.heard('image', 'p1', found({ status: 'rendering' }).answer);
    expect(heard).toEqual(['rendering']);
    world.next = () => found({ status: 'rendering' });
    await vi.advanceTimersByTimeAsync(900);
    expect(world.polls).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(world.polls).toHaveLength(1);
  });

  test('is read at once when another replica has news, and not where that is no news', async () => {
    const world = createWorld();
    const { heard, follower } = createFollower();
    const following = follow(world, follower);
    await vi.advanceTimersByTimeAsync(900);
    const { latest } = following;
    world.watcher.heardOf('image', 'p1', latest.answer.found ? latest.answer.etag : undefined);
    await vi.advanceTimersByTimeAsync(900);
    expect(world.polls).toHaveLength(0);
    world.next = () => found({ status: 'complete' }, 'redis');
    world.watcher.heardOf('image', 'p1', '"another"');
    await vi.advanceTimersByTimeAsync(0);
    expect(heard).toEqual(['complete']);
  });

  test('is read again where the news came while it was read', async () => {
    const world = createWorld();
    const { heard, follower } = createFollower();
    follow(world, follower);
    const slow = Promise.withResolvers<Found>();
    world.next = () => slow.promise;
    await vi.advanceTimersByTimeAsync(1100);
    world.next = () => found({ status: 'complete' }, 'redis');
    world.watcher.heardOf('image', 'p1', '"another"');
    slow.resolve(queued());
    await vi.advanceTimersByTimeAsync(0);
    expect(heard).toEqual(['complete']);
    expect(world.polls).toHaveLength(2);
  });

  test('tells who comes late what came between their lookup and now', async () => {
    const world = createWorld();
    follow(world, createFollower().follower);
    const known = queued();
    world.watcher.heard('image', 'p1', found({ status: 'rendering' }).answer);
    const { heard, follower } = createFollower();
    world.watcher.follow('image', 'p1', known, follower);
    await vi.advanceTimersByTimeAsync(0);
    expect(heard).toEqual(['rendering']);
  });

  test('is read at once for who comes first, but with an older answer than others told of', async () => {
    const world = createWorld();
    world.next = () => found({ status: 'complete' }, 'redis');
    world.watcher.heardOf('image', 'p1', '"of the last state"');
    const { heard, follower } = createFollower();
    follow(world, follower);
    await vi.advanceTimersByTimeAsync(0);
    expect(heard).toEqual(['complete']);
    expect(world.polls).toHaveLength(1);
  });

  test('is not read at once for who comes first with the answer that was told of', async () => {
    const world = createWorld();
    const known = queued();
    world.watcher.heard('image', 'p1', known.answer);
    world.watcher.follow('image', 'p1', known, createFollower().follower);
    await vi.advanceTimersByTimeAsync(900);
    expect(world.polls).toHaveLength(0);
  });

  test('lets everybody go when the process stops, and whoever comes after', async () => {
    const world = createWorld();
    const followers = [createFollower(), createFollower()];
    follow(world, followers[0]?.follower ?? createFollower().follower);
    world.watcher.stop();
    follow(world, followers[1]?.follower ?? createFollower().follower);
    await vi.advanceTimersByTimeAsync(60_000);
    for (const { heard } of followers) expect(heard).toEqual(['ended']);
    expect(world.polls).toHaveLength(0);
  });

  test('goes on by a clock that is set back', async () => {
    const world = createWorld();
    follow(world, createFollower().follower);
    await vi.advanceTimersByTimeAsync(5000);
    vi.setSystemTime(Date.now() - 3_600_000);
    const before = world.polls.length;
    await vi.advanceTimersByTimeAsync(12_000);
    expect(world.polls.length).toBeGreaterThan(before);
  });
});

describe('a poll that costs', () => {
  const WINDOW_SECONDS = 60;

  /** Can pay as often as is said, and is refused to the window's end from then on. */
  function createPayer(key: string, max: number) {
    const payer = {
      paid: 0,
      refused: 0,
      key,
      isOver: () => payer.paid >= max,
      async pay() {
        await Promise.resolve();
        if (!payer.isOver()) {
          payer.paid += 1;
          return;
        }
        payer.refused += 1;
        throw new HttpError('rate_limited', { retryAfterSeconds: WINDOW_SECONDS });
      },
    };
    return payer;
  }

  test('is paid by one of the followers, by turns', async () => {
    const world = createWorld();
    const payers = [createPayer('a', 99), createPayer('b', 99), createPayer('c', 99)];
    for (const payer of payers) follow(world, createFollower(payer).follower);
    await vi.advanceTimersByTimeAsync(7 * 1030);
    expect(world.polls).toHaveLength(7);
    expect(payers.map(({ paid }) => paid)).toEqual([3, 2, 2]);
  });

  test('is paid by those who can, and who has left pays no more', async () => {
    const world = createWorld();
    const [poor, gone, rich] = [createPayer('poor', 1), createPayer('gone', 99), createPayer('rich', 99)];
    follow(world, createFollower(poor).follower);
    const following = follow(world, createFollower(gone).follower);
    follow(world, createFollower(rich).follower);
    await vi.advanceTimersByTimeAsync(2 * 1030);
    following.leave();
    await vi.advanceTimersByTimeAsync(5 * 1030);
    expect(world.polls).toHaveLength(7);
    expect([poor, gone, rich].map(({ paid }) => paid)).toEqual([1, 1, 5]);
    expect(poor.refused).toBe(0);
  });

  test('is refused to the first where all have nothing left, and comes again when there is', async () => {
    const world = createWorld();
    const payers = [createPayer('a', 1), createPayer('b', 1)];
    for (const payer of payers) follow(world, createFollower(payer).follower);
    await vi.advanceTimersByTimeAsync(3 * 1030);
    expect(world.polls).toHaveLength(2);
    expect(payers.map(({ refused }) => refused)).toEqual([1, 0]);
    for (const payer of payers) payer.paid = 0;
    await vi.advanceTimersByTimeAsync(WINDOW_SECONDS * 1000 - 2000);
    // News that others bring is told, and does not wake it.
    world.watcher.heard('image', 'p1', queued().answer);
    world.watcher.heardOf('image', 'p1', etagOf(queued().answer));
    await vi.advanceTimersByTimeAsync(1000);
    expect(world.polls).toHaveLength(2);
    // At its pace from then on, a tenth of its age: a refusal is no failure of the upstream, which would double it. All windows
    // end together, so that each begins again at some time within its pace.
    await vi.advanceTimersByTimeAsync(1100 + 6500);
    expect(world.polls).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(7500);
    expect(world.polls).toHaveLength(4);
  });

  test('does not come at the same time for all who wait for the window’s end', async () => {
    const world = createWorld();
    const payers = Array.from({ length: 20 }, (_, n) => createPayer(`${n}`, 1));
    for (const payer of payers)
      world.watcher.follow('image', payer.key, queued(), createFollower(payer).follower);
    await vi.advanceTimersByTimeAsync(2100);
    expect(world.polls).toHaveLength(20);
    const soon = Date.now() + WINDOW_SECONDS * 1000 - 1100;
    world.next = () => found({ status: 'complete' });
    for (const payer of payers) payer.paid = 0;
    await vi.advanceTimersByTimeAsync(WINDOW_SECONDS * 1000 + 12_000);
    const later = world.polls.slice(20);
    expect(later.every((at) => at >= soon)).toBe(true);
    expect(new Set(later).size).toBeGreaterThan(10);
  });

  test('is not paid by who left before it came to that, and by who came', async () => {
    const world = createWorld();
    const asked = Promise.withResolvers<void>();
    world.beforePaying = () => asked.promise;
    const [gone, come] = [createPayer('gone', 9), createPayer('come', 9)];
    const following = follow(world, createFollower(gone).follower);
    await vi.advanceTimersByTimeAsync(1100);
    follow(world, createFollower(come).follower);
    following.leave();
    asked.resolve();
    await vi.advanceTimersByTimeAsync(10);
    expect([gone.paid, come.paid, world.polls.length]).toEqual([0, 1, 1]);
  });

  test('comes again as soon as somebody follows who can pay', async () => {
    const world = createWorld();
    follow(world, createFollower(createPayer('poor', 0)).follower);
    await vi.advanceTimersByTimeAsync(5000);
    expect(world.polls).toHaveLength(0);
    follow(world, createFollower(createPayer('as poor', 0)).follower);
    await vi.advanceTimersByTimeAsync(1000);
    expect(world.polls).toHaveLength(0);
    const rich = createPayer('rich', 99);
    follow(world, createFollower(rich).follower);
    await vi.advanceTimersByTimeAsync(10);
    expect(world.polls).toHaveLength(1);
    expect(rich.paid).toBe(1);
  });

  test('is left alone for as long as the upstream says, whoever comes, once a rest is over', async () => {
    const world = createWorld();
    const payer = createPayer('a', 1);
    follow(world, createFollower(payer).follower);
    await vi.advanceTimersByTimeAsync(2 * 1030);
    expect(payer.refused).toBe(1);
    payer.paid = Number.NEGATIVE_INFINITY;
    world.next = () => Promise.reject(new HttpError('upstream_unavailable', { retryAfterSeconds: 3600 }));
    await vi.advanceTimersByTimeAsync(WINDOW_SECONDS * 1000 + 12_000);
    expect(world.polls).toHaveLength(2);
    follow(world, createFollower(createPayer('b', 99)).follower);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(world.polls).toHaveLength(2);
  });

  test('comes soon for who came, able to pay, while it was refused', async () => {
    const world = createWorld();
    const refusal = Promise.withResolvers<never>();
    const poor: Payer = { key: 'poor', isOver: () => true, pay: () => refusal.promise };
    follow(world, createFollower(poor).follower);
    await vi.advanceTimersByTimeAsync(1100);
    const rich = createPayer('rich', 99);
    follow(world, createFollower(rich).follower);
    refusal.reject(new HttpError('rate_limited', { retryAfterSeconds: WINDOW_SECONDS }));
    await vi.advanceTimersByTimeAsync(1100);
    expect(world.polls).toHaveLength(1);
    expect(rich.paid).toBe(1);
  });

  test('is refused by one after the other where nobody knew it before', async () => {
    const world = createWorld();
    const surprised = (key: string): Payer => {
      const payer = createPayer(key, 0);
      return { ...payer, isOver: () => payer.refused > 0 };
    };
    const rich = createPayer('rich', 99);
    for (const payer of [surprised('a'), surprised('b'), rich]) follow(world, createFollower(payer).follower);
    await vi.advanceTimersByTimeAsync(1100);
    expect(world.polls).toHaveLength(1);
    expect(rich.paid).toBe(1);
  });
});
