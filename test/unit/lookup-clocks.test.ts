import { describe, expect, test } from 'vitest';
import { decodeAnswer, encodeAnswer } from '../../src/cache/answer-codec.ts';
import { byThisClock, type FoundAnswer } from '../../src/lookup/answer.ts';
import { answer, download, isoTime, NOW_MS, projectBody, settle } from '../support/builders.ts';
import { createInProcessShared, setUpLookup } from '../support/lookup-parts.ts';

const FIVE_MINUTES_MS = 300_000;
const endingIn = (seconds: number) =>
  projectBody({ downloads: [download(isoTime(NOW_MS + seconds * 1000))] });

async function findDated(body: Buffer, dateMs: number | undefined) {
  const shared = createInProcessShared();
  const parts = setUpLookup({ shared });
  const finding = parts.find();
  await settle();
  parts.upstream.last.answer(body, dateMs);
  return { ...parts, shared, found: await finding };
}

describe("where this clock is behind the upstream's", () => {
  const aheadMs = NOW_MS + FIVE_MINUTES_MS;

  test('an answer ends as much sooner', async () => {
    const { found } = await findDated(endingIn(3600), aheadMs);
    expect(found.answer.freshUntilMs).toBe(NOW_MS + 3_570_000 - FIVE_MINUTES_MS);
  });

  test('one whose downloads are as good as over is not kept', async () => {
    const { memory, shared } = await findDated(endingIn(320), aheadMs);
    expect([memory.entries, shared.held.size]).toEqual([0, 0]);
  });

  test('min_valid is measured by the true life that is left', async () => {
    const { find, upstream } = await findDated(endingIn(3600), aheadMs);
    expect(await find('p1', 3300)).toMatchObject({ source: 'memory' });
    void find('p1', 3301);
    await settle();
    expect(upstream.calls).toHaveLength(2);
  });

  test('a copy in Redis says so to whoever reads it', async () => {
    const { found } = await findDated(endingIn(3600), aheadMs);
    const { answer: sent } = found;
    expect(sent).toMatchObject({ clockLagMs: FIVE_MINUTES_MS });
    expect(decodeAnswer('image', 'p1', encodeAnswer(sent))).toEqual(sent);
  });
});

test.each([
  ['is behind', NOW_MS - FIVE_MINUTES_MS],
  ['is the same', NOW_MS],
  ['is not told', undefined],
])("where the upstream's clock %s, an answer ends when it says", async (_how, dateMs) => {
  const { found } = await findDated(endingIn(3600), dateMs);
  expect(found.answer).toMatchObject({ freshUntilMs: NOW_MS + 3_570_000, clockLagMs: 0 });
});

describe('an answer of another replica', () => {
  const endsAtMs = NOW_MS + 3_600_000;
  const theirs: FoundAnswer = {
    ...answer({ downloads: [download(isoTime(endsAtMs))] }),
    fetchedAtMs: NOW_MS - 1000,
    freshUntilMs: NOW_MS + 59_000,
  };

  test('is as it is where the clocks agree', () => {
    expect(byThisClock(theirs, NOW_MS, 59_000)).toBe(theirs);
  });

  test('lives here no longer than there where its clock is ahead', () => {
    expect(byThisClock(theirs, NOW_MS - FIVE_MINUTES_MS, 59_000)).toEqual({
      ...theirs,
      fetchedAtMs: NOW_MS - 1000 - FIVE_MINUTES_MS,
      freshUntilMs: NOW_MS + 59_000 - FIVE_MINUTES_MS,
      downloadEnds: { ...theirs.downloadEnds, earliestMs: endsAtMs - FIVE_MINUTES_MS },
    });
  });

  test('lives shorter, if anything, where its clock is behind', () => {
    expect(byThisClock(theirs, NOW_MS + FIVE_MINUTES_MS, 59_000)).toBe(theirs);
  });

  test('lives by its own times where the shared tier counts none', () => {
    expect(byThisClock(theirs, NOW_MS - FIVE_MINUTES_MS, Number.POSITIVE_INFINITY)).toBe(theirs);
  });
});

test('what was fetched before this clock was set back is asked for anew', async () => {
  const { find, findAnswered, clock, upstream } = setUpLookup();
  await findAnswered({ status: 'queued' });
  clock.advance(-FIVE_MINUTES_MS);
  void find();
  await settle();
  expect(upstream.calls).toHaveLength(2);
});
