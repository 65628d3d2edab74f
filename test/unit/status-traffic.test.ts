import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { countingListeners } from '../../src/metrics/listeners.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { trafficCounts } from '../../src/metrics/traffic-counts.ts';
import { watchEventLoop } from '../../src/status/event-loop.ts';
import { keepRecent } from '../../src/status/recent.ts';
import { type Counts, NO_COUNTS, trafficBetween } from '../../src/status/traffic.ts';
import { watchValue } from '../../src/status/watch-value.ts';
import { createManualClock } from '../support/manual-clock.ts';

const idleMetrics = () => createMetrics({ version: '1.2.3', node: '24.0.0' }, []);
const context = (route: string) => ({ requestId: 'r', route, traceparent: undefined });

describe('recent samples', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** One a second, for ten seconds. */
  function keep(read: () => number) {
    const recent = keepRecent({ read, clock: Date, everyMs: 1000, keepMs: 10_000 });
    onTestFinished(recent.stop);
    return recent;
  }

  test('are taken each second, and those asked for span what was asked', async () => {
    let count = 0;
    const recent = keep(() => (count += 10));
    expect(recent.within(5000).map(({ value }) => value)).toEqual([10]);
    await vi.advanceTimersByTimeAsync(8000);
    const samples = recent.within(5000);
    expect(samples.map(({ value }) => value)).toEqual([40, 50, 60, 70, 80, 90]);
    expect((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)).toBe(5000);
  });

  test('are few however long it runs, also on a clock that stands still', async () => {
    const recent = keepRecent({
      read: () => 1,
      clock: { now: () => 0 },
      everyMs: 1000,
      keepMs: 10_000,
    });
    onTestFinished(recent.stop);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(recent.within(Number.POSITIVE_INFINITY)).toHaveLength(11);
  });

  test('go on after one that failed', async () => {
    let count = 0;
    const recent = keep(() => {
      count += 1;
      if (count === 2) throw new Error('a defect');
      return count;
    });
    await vi.advanceTimersByTimeAsync(2000);
    expect(recent.within(10_000).map(({ value }) => value)).toEqual([1, 3]);
  });

  test('end when they are stopped', async () => {
    const recent = keep(() => 1);
    await vi.advanceTimersByTimeAsync(1000);
    recent.stop();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(5000);
    expect(recent.within(10_000)).toHaveLength(2);
  });
});

test('the timer of the samples keeps no process alive', () => {
  const setTimer = vi.spyOn(globalThis, 'setInterval');
  const recent = keepRecent({ read: () => 1, clock: Date, everyMs: 1000, keepMs: 1000 });
  onTestFinished(() => {
    recent.stop();
    setTimer.mockRestore();
  });
  expect(setTimer.mock.results[0]?.value.hasRef()).toBe(false);
});

describe('counts', () => {
  test('are those that Prometheus scrapes, without requests of operators', async () => {
    const metrics = idleMetrics();
    const count = countingListeners(metrics);
    const ended = (route: string, status: number, seconds: number) => {
      count.requestBegan();
      count.requestEnded({ method: 'GET', status, seconds, heldSeconds: 0, context: context(route) });
    };
    ended('/v1/image-projects/{id}', 200, 0.002);
    ended('/v1/image-projects/{id}', 503, 0.3);
    ended('/metrics', 500, 0.3);
    for (const result of ['memory_hit', 'memory_hit', 'redis_hit', 'collapsed', 'miss', 'error'] as const)
      count.lookedUp('image', result);
    for (const status of ['200', '404', '429', '503', 'timeout', 'network'])
      count.attempted('image', status, 0.1);
    count.keyRejected(401);
    count.limitExceeded('user');
    count.limitExceeded('ip');
    count.limitExceeded('ip');
    count.redisFailed('cache_read');
    const isPublic = (route: string) => route !== '/metrics';
    for (const _scrape of [1, 2]) {
      await metrics.registry.metrics();
      const { within, ...counts } = trafficCounts(metrics, isPublic);
      expect(counts).toEqual({
        requests: 2,
        serverErrors: 1,
        lookups: { memory_hit: 2, redis_hit: 1, collapsed: 1, miss: 1, error: 1 },
        upstreamRequests: 6,
        upstreamFailures: 4,
        keyRejections: 1,
        limitedUsers: 1,
        limitedAddresses: 2,
        redisErrors: 1,
      });
      expect([0.001, 0.0025, 0.5, Number.POSITIVE_INFINITY].map((bound) => within.get(bound))).toEqual([
        0, 1, 2, 2,
      ]);
    }
  });

  test('are taken from nobody: a scrape after a sample finds all', async () => {
    const metrics = idleMetrics();
    countingListeners(metrics).lookedUp('image', 'miss');
    trafficCounts(metrics, () => true);
    expect(await metrics.registry.metrics()).toContain('lookups_total{kind="image",result="miss"} 1');
  });
});

describe('traffic between samples', () => {
  const at = (atMs: number, more: Partial<Counts>) => ({ atMs, value: { ...NO_COUNTS, ...more } });
  const within = (...counts: number[]) =>
    new Map(
      counts.map((count, n): [number, number] => [[0.001, 0.01, Number.POSITIVE_INFINITY][n] ?? 0, count]),
    );

  test('is what grew from the first to the last', () => {
    const lookups = (memory_hit: number, miss: number) => ({ ...NO_COUNTS.lookups, memory_hit, miss });
    const traffic = trafficBetween([
      at(1000, { requests: 100, lookups: lookups(70, 30), activeMs: 10, idleMs: 90, longestDelayMs: 500 }),
      at(2000, { requests: 110, lookups: lookups(75, 35), activeMs: 20, idleMs: 980, longestDelayMs: 30 }),
      at(3000, { requests: 150, lookups: lookups(110, 40), activeMs: 510, idleMs: 1590, longestDelayMs: 20 }),
    ]);
    expect(traffic).toMatchObject({ seconds: 2, requests: 50, lookups: lookups(40, 10), busyShare: 0.25 });
    expect(traffic.longestDelayMs).toBe(30);
  });

  test('has the bounds that half and 95 % of its own requests are within', () => {
    const before = at(0, { within: within(1000, 1000, 1000) });
    expect(trafficBetween([before, at(1000, { within: within(1000, 1019, 1020) })])).toMatchObject({
      p50Seconds: 0.01,
      p95Seconds: 0.01,
    });
    expect(trafficBetween([before, at(1000, { within: within(1010, 1010, 1020) })])).toMatchObject({
      p50Seconds: 0.001,
      p95Seconds: Number.POSITIVE_INFINITY,
    });
  });

  test('of no samples, or of one, is none', () => {
    for (const samples of [[], [at(1000, { requests: 5, within: within(5, 5, 5) })]]) {
      expect(trafficBetween(samples)).toMatchObject({
        seconds: 0,
        requests: 0,
        p50Seconds: undefined,
        busyShare: undefined,
        longestDelayMs: 0,
      });
    }
  });
});

test('since when a value holds is when it was first seen, or the start', () => {
  const clock = createManualClock(1000);
  let value = { up: true };
  const look = watchValue(
    () => value,
    ({ up }) => up,
    clock,
  );
  clock.advance(500);
  value = { up: true };
  expect(look().sinceMs).toBeUndefined();
  value = { up: false };
  expect(look()).toEqual({ value: { up: false }, sinceMs: 1500 });
  clock.advance(500);
  expect(look().sinceMs).toBe(1500);
});

test('a delay of the event loop is seen once', async () => {
  const eventLoop = watchEventLoop();
  onTestFinished(eventLoop.stop);
  const turn = () => new Promise((resolve) => setTimeout(resolve, 50));
  await turn();
  const before = eventLoop.read();
  await turn();
  const endsAtMs = performance.now() + 300;
  while (performance.now() < endsAtMs);
  await turn();
  const after = eventLoop.read();
  expect(after.longestDelayMs).toBeGreaterThan(200);
  expect(after.activeMs - before.activeMs).toBeGreaterThan(200);
  expect(eventLoop.read().longestDelayMs).toBe(0);
});
