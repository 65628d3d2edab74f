import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchSlowness } from '../../src/cache/slowness.ts';

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Commands one after the other. @returns how often it was told that they are slow */
function tellingsOf(...tookMs: readonly number[]): number {
  const onSlow = vi.fn();
  const slowness = watchSlowness(125, 250);
  for (const ms of tookMs) {
    const ended = slowness.began(onSlow);
    vi.advanceTimersByTime(ms);
    ended();
  }
  return onSlow.mock.calls.length;
}

test.each([
  ['quick ones', [1, 124, 1, 124], 0],
  ['a slow one among quick ones', [1, 240, 1, 240, 1], 0],
  ['slow ones for less than the while', [240], 0],
  ['slow ones for longer than that', [200, 200], 1],
  ['slow ones that go on', [200, 200, 200, 200], 3],
  ['slow ones with a quick one in between', [200, 1, 200], 0],
])('of %s is told as often as they are slow for a while', (_what, tookMs, times) => {
  expect(tellingsOf(...tookMs)).toBe(times);
});

test('commands that are held up at the same time once are not slow for a while', () => {
  const onSlow = vi.fn();
  const slowness = watchSlowness(125, 250);
  const ended = Array.from({ length: 8 }, () => slowness.began(onSlow));
  vi.advanceTimersByTime(200);
  for (const end of ended) end();
  expect(onSlow).not.toHaveBeenCalled();
});

test('a command whose reply waited for this process is not slow', () => {
  const onSlow = vi.fn();
  const slowness = watchSlowness(125, 0);
  const ended = slowness.began(onSlow);
  // The timer's turn comes, and the reply is read in the same turn of the loop, before immediates run.
  vi.advanceTimersByTime(124);
  setTimeout(ended, 1);
  vi.advanceTimersByTime(1);
  vi.runAllTimers();
  expect(onSlow).not.toHaveBeenCalled();
});
