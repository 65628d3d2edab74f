import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createBurst } from '../../src/log-bursts.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const MINUTE_MS = 60_000;

function startBurst() {
  const told: string[] = [];
  const burst = createBurst<string>({
    happened: (how, count) => void told.push(`${how} × ${count}`),
    over: () => void told.push('over'),
  });
  return { told, burst };
}

describe('a trouble that comes thousands of times', () => {
  test('is told at once, and then once a minute with how often it happened since', () => {
    const { told, burst } = startBurst();
    for (let n = 0; n < 1000; n++) burst.happened('401');
    expect(told).toEqual(['401 × 1']);
    burst.happened('403');
    vi.advanceTimersByTime(MINUTE_MS - 1);
    expect(told).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(told).toEqual(['401 × 1', '403 × 1000']);
    vi.advanceTimersByTime(10 * MINUTE_MS);
    expect(told).toHaveLength(2);
  });

  test('that comes back after a quiet minute is told at once again', () => {
    const { told, burst } = startBurst();
    burst.happened('a');
    vi.advanceTimersByTime(MINUTE_MS);
    burst.happened('b');
    expect(told).toEqual(['a × 1', 'b × 1']);
  });

  test('is over at once, and loses no count', () => {
    const { told, burst } = startBurst();
    for (let n = 0; n < 4; n++) burst.happened('a');
    burst.over();
    burst.over();
    expect(told).toEqual(['a × 1', 'a × 3', 'over']);
    vi.advanceTimersByTime(10 * MINUTE_MS);
    expect(told).toHaveLength(3);
  });

  test('and goes as often is told in a few lines a minute, and its end is the last of them', () => {
    const { told, burst } = startBurst();
    for (let n = 0; n < 500; n++) {
      burst.happened('a');
      burst.over();
    }
    expect(told).toEqual(['a × 1', 'over']);
    vi.advanceTimersByTime(MINUTE_MS);
    expect(told).toEqual(['a × 1', 'over', 'a × 499', 'over']);
  });
});

test('that all is well is not told where nothing was wrong', () => {
  const { told, burst } = startBurst();
  burst.over();
  expect(told).toEqual([]);
});
