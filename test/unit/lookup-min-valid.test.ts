import { describe, expect, test } from 'vitest';
import { HttpError } from '../../src/errors.ts';
import { answer, download, isoTime, NOW_MS, settle } from '../support/builders.ts';
import { answerWith, createInProcessShared, setUpLookup } from '../support/lookup-parts.ts';

const endingIn = (seconds: number) => ({ downloads: [download(isoTime(NOW_MS + seconds * 1000))] });

type Parts = ReturnType<typeof setUpLookup>;

/** Has an answer in memory whose download lives an hour. */
async function setUpWithAnHour(options: Parameters<typeof setUpLookup>[0] = {}): Promise<Parts> {
  const parts = setUpLookup(options);
  await parts.findAnswered(endingIn(3600));
  return parts;
}

describe('min_valid', () => {
  test('is met by a kept answer that lives long enough', async () => {
    const { find } = await setUpWithAnHour();
    expect(await find('p1', 3600)).toMatchObject({ source: 'memory' });
    expect(await find('p1', 0)).toMatchObject({ source: 'memory' });
  });

  test('asks the upstream once for all who need longer, and all others are served from memory', async () => {
    const { find, upstream, events } = await setUpWithAnHour();
    const longer = [7200, 3601, 86_000].map((seconds) => find('p1', seconds));
    await settle();
    expect(await find('p1', 3600)).toMatchObject({ source: 'memory' });
    expect(await find()).toMatchObject({ source: 'memory' });
    answerWith(upstream.last, endingIn(86_400));
    const [first, ...others] = await Promise.all(longer);
    expect(first).toMatchObject({ source: 'upstream', collapsed: false, forwarded: 'request' });
    for (const other of others) expect(other).toMatchObject({ collapsed: true, forwarded: 'request' });
    expect(upstream.calls).toHaveLength(2);
    expect(await find('p1', 86_400)).toMatchObject({ source: 'memory' });
    expect(events.results.filter((result) => result === 'miss')).toHaveLength(2);
  });

  test('that the upstream can not meet either is served with what there is, and not asked for again at once', async () => {
    const { find, findAnswered, upstream, clock } = await setUpWithAnHour();
    const served = await findAnswered(endingIn(3700), 7200);
    expect(served).toMatchObject({ source: 'upstream', forwarded: 'request', answer: { refreshed: true } });
    expect(await find('p1', 7200)).toMatchObject({ source: 'memory', answer: served.answer });
    clock.advance(1000);
    expect(await findAnswered(endingIn(10_000), 7200)).toMatchObject({
      source: 'upstream',
      forwarded: 'request',
    });
    expect(upstream.calls).toHaveLength(3);
  });

  test('is met by a project without downloads', async () => {
    const { find, findAnswered } = setUpLookup();
    await findAnswered({ status: 'error', downloads: [] });
    expect(await find('p1', 86_400)).toMatchObject({ source: 'memory' });
  });

  test('leaves what was kept in place where the upstream fails', async () => {
    const { find, upstream } = await setUpWithAnHour();
    const finding = find('p1', 7200);
    await settle();
    upstream.last.fail(new HttpError('upstream_error'));
    await expect(finding).rejects.toMatchObject({ code: 'upstream_error' });
    expect(await find()).toMatchObject({ source: 'memory' });
  });
});

describe('min_valid with a shared tier', () => {
  const hour = answer(endingIn(3600), { freshUntilMs: NOW_MS + 3_570_000 });

  test('is met by what another replica brought', async () => {
    const shared = createInProcessShared();
    const { find, upstream } = await setUpWithAnHour({ shared });
    shared.held.set('image/p1', answer(endingIn(86_400), { freshUntilMs: NOW_MS + 80_000_000 }));
    expect(await find('p1', 7200)).toMatchObject({ source: 'redis' });
    expect(await find('p1', 7200)).toMatchObject({ source: 'memory' });
    expect(upstream.calls).toHaveLength(1);
  });

  test('is a reason of the request, not a miss, where the shared tier has an answer that is too short', async () => {
    const shared = createInProcessShared();
    const { findAnswered } = setUpLookup({ shared });
    shared.held.set('image/p1', hour);
    expect(await findAnswered(endingIn(86_400), 7200)).toMatchObject({
      source: 'upstream',
      forwarded: 'request',
    });
  });

  test('does not make do with a flight that was content with less', async () => {
    const shared = createInProcessShared();
    const { find, upstream } = setUpLookup({ shared });
    shared.held.set('image/p1', hour);
    const easy = find();
    const hard = [find('p1', 7200), find('p1', 7200)];
    expect(await easy).toMatchObject({ source: 'redis', answer: hour });
    await settle();
    answerWith(upstream.last, endingIn(86_400));
    const [first, second] = await Promise.all(hard);
    expect(upstream.calls).toHaveLength(1);
    expect([first?.collapsed, second?.collapsed].toSorted()).toEqual([false, true]);
    expect(shared.held.get('image/p1')).toEqual(first?.answer);
  });
});
