import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { pause } from '../../client/pause.ts';

/** Stands for a page, which is told of networks. */
const page = new EventTarget();
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  vi.stubGlobal('EventTarget', { [Symbol.hasInstance]: () => true });
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function endOf(ms: number, leastMs: number, online: readonly number[]): Promise<number> {
  const begunMs = Date.now();
  const ended = pause(ms, undefined, leastMs).then(() => Date.now() - begunMs);
  for (const atMs of online) setTimeout(() => page.dispatchEvent(new Event('online')), atMs);
  await vi.advanceTimersByTimeAsync(ms);
  return ended;
}

test.each([
  ['nothing', 30_000, 0, [], 30_000],
  ['a network that is back', 30_000, 0, [5000], 5500],
  ['a network that is back before the service may be asked', 30_000, 20_000, [5000], 20_500],
  ['a network that comes and goes', 30_000, 20_000, [1000, 2000, 3000, 4000, 5000], 20_500],
  ['a network that is back just before the end', 30_000, 0, [29_900], 30_000],
] as const)('%s ends a pause in time', async (_what, ms, leastMs, online, endMs) => {
  expect(await endOf(ms, leastMs, online)).toBe(endMs);
  expect(vi.getTimerCount()).toBe(0);
});
