import { TaskCancelledError } from 'cockatiel';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AttemptFailure } from '../../src/upstream/failure.ts';
import { createResilience } from '../../src/upstream/resilience.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const SETTINGS = { deadlineMs: 1000, timeoutMs: 400, retries: 5, maxConcurrency: 1, maxQueue: 1 };

function start(settings: Partial<typeof SETTINGS> = {}) {
  let retries = 0;
  const resilience = createResilience(
    { ...SETTINGS, ...settings },
    {
      retried: () => {
        retries += 1;
      },
      circuitOpened: () => undefined,
      circuitClosed: () => undefined,
    },
  );
  return { resilience, retries: () => retries };
}

const never = () => new Promise<never>(() => undefined);

describe('a lookup', () => {
  test('is over at its deadline, whatever its attempt does', async () => {
    const { resilience } = start();
    const lookup = resilience.execute(never);
    const refused = expect(lookup).rejects.toThrow(TaskCancelledError);
    await vi.advanceTimersByTimeAsync(SETTINGS.deadlineMs);
    await refused;
  });

  test('that waits for its place until its deadline never asks', async () => {
    const { resilience } = start();
    const first = Promise.withResolvers<string>();
    const asking = resilience.execute(() => first.promise);
    await vi.advanceTimersByTimeAsync(10);
    let asked = false;
    const waiting = resilience.execute(async () => {
      asked = true;
    });
    const refused = Promise.all([
      expect(asking).rejects.toThrow(TaskCancelledError),
      expect(waiting).rejects.toThrow(TaskCancelledError),
    ]);
    await vi.advanceTimersByTimeAsync(SETTINGS.deadlineMs);
    await refused;
    expect(resilience.queued).toBe(1);
    first.resolve('late');
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toBe(false);
    expect([resilience.inFlight, resilience.queued]).toEqual([0, 0]);
  });

  test('gives an attempt its own time, and no more than is left of the deadline', async () => {
    // The pause before the second attempt is at most 200 ms, so that one begins and is cut short.
    const deadlineMs = 700;
    const { resilience, retries } = start({ deadlineMs, retries: 1 });
    const beganAtMs = performance.now();
    const ends: number[] = [];
    const lookup = resilience.execute(async (limitMs) => {
      ends.push(performance.now() - beganAtMs + limitMs);
      await new Promise((resolve) => setTimeout(resolve, limitMs));
      throw new AttemptFailure('timeout', { retryable: true, reason: 'r' });
    });
    const refused = expect(lookup).rejects.toThrow(TaskCancelledError);
    await vi.advanceTimersByTimeAsync(deadlineMs);
    await refused;
    expect(retries()).toBe(1);
    expect(ends[0]).toBe(SETTINGS.timeoutMs);
    expect(ends[1]).toBeGreaterThan(SETTINGS.timeoutMs);
    expect(ends[1]).toBeLessThanOrEqual(deadlineMs + 1);
  });

  test('leaves no timer behind', async () => {
    const { resilience } = start();
    await expect(resilience.execute(async () => 'done')).resolves.toBe('done');
    await expect(resilience.execute(() => Promise.reject(new Error('x')))).rejects.toThrow('x');
    expect(vi.getTimerCount()).toBe(0);
  });
});
