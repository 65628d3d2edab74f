import { describe, expect, test } from 'vitest';
import { HttpError } from '../../src/errors.ts';
import { answer, bodyOf, NOW_MS, settle } from '../support/builders.ts';
import { answerWith, createInProcessShared, setUpLookup } from '../support/lookup-parts.ts';

function setUp() {
  const shared = createInProcessShared();
  return { shared, ...setUpLookup({ shared }) };
}

/** Has a finished project in memory and in the shared tier. */
async function setUpWithAnswer() {
  const parts = setUp();
  await parts.findAnswered();
  return parts;
}

describe('the shared tier', () => {
  test('is asked before the upstream, and once for all callers', async () => {
    const { shared, find, upstream, events } = setUp();
    shared.held.set('image/p1', answer());
    const found = await Promise.all([find(), find(), find()]);
    for (const each of found) expect(each).toMatchObject({ source: 'redis', collapsed: false });
    expect(events.results).toEqual(['redis_hit', 'redis_hit', 'redis_hit']);
    expect(await find()).toMatchObject({ source: 'memory' });
    expect(upstream.calls).toHaveLength(0);
  });

  test('is asked again when a copy was trusted long enough, and what it says then counts', async () => {
    const { shared, find, clock } = await setUpWithAnswer();
    shared.held.set('image/p1', answer({ name: 'Newer' }, { freshUntilMs: NOW_MS + 3_600_000 }));
    clock.advance(29_999);
    expect(bodyOf(await find())).toMatchObject({ name: 'A name' });
    clock.advance(1);
    expect(bodyOf(await find())).toMatchObject({ name: 'Newer' });
  });

  test('is not believed about what has ended', async () => {
    const { shared, findAnswered, clock } = setUp();
    shared.held.set('image/p1', answer({}, { freshUntilMs: NOW_MS + 1000 }));
    clock.advance(1000);
    expect(await findAnswered()).toMatchObject({ source: 'upstream' });
  });

  test('that is away leaves the upstream to be asked, once for all callers, and memory to be filled', async () => {
    const { shared, find, upstream, memory } = setUp();
    shared.away = true;
    const finding = [find(), find()];
    await settle();
    answerWith(upstream.last);
    expect((await Promise.all(finding)).map(({ source }) => source)).toEqual(['upstream', 'upstream']);
    expect(upstream.calls).toHaveLength(1);
    expect(memory.entries).toBe(1);
    expect(await find()).toMatchObject({ source: 'memory' });
  });
});

describe('where both the shared tier and the upstream fail', () => {
  test('the own copy is served as long as it has not ended', async () => {
    const { shared, find, upstream, clock, events } = await setUpWithAnswer();
    shared.away = true;
    clock.advance(3_600_000);
    const finding = [find(), find()];
    await settle();
    upstream.last.fail(new HttpError('upstream_unavailable'));
    for (const found of await Promise.all(finding)) {
      expect(found).toMatchObject({ source: 'memory', collapsed: false, answer: { fetchedAtMs: NOW_MS } });
    }
    expect(events.results).toEqual(['miss', 'memory_hit', 'memory_hit']);
  });

  test('nothing is served that ended while they were waited for', async () => {
    const { shared, find, upstream, clock } = await setUpWithAnswer();
    shared.away = true;
    clock.advance(86_369_000);
    const finding = find();
    await settle();
    clock.advance(1000);
    upstream.last.fail(new HttpError('upstream_unavailable'));
    await expect(finding).rejects.toMatchObject({ code: 'upstream_unavailable' });
  });

  test('nothing is served that was purged here while they were waited for', async () => {
    const { shared, find, lookup, upstream, clock } = await setUpWithAnswer();
    shared.away = true;
    clock.advance(60_000);
    const finding = find();
    await settle();
    lookup.forget('image', 'p1');
    upstream.last.fail(new HttpError('upstream_unavailable'));
    await expect(finding).rejects.toMatchObject({ code: 'upstream_unavailable' });
  });

  test('the own copy does not come back where the shared tier answers that it has none', async () => {
    const { shared, find, upstream, clock } = await setUpWithAnswer();
    shared.held.clear();
    clock.advance(60_000);
    const finding = find();
    await settle();
    upstream.last.fail(new HttpError('upstream_unavailable'));
    await expect(finding).rejects.toMatchObject({ code: 'upstream_unavailable' });
  });
});
