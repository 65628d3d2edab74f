import { describe, expect, test } from 'vitest';
import { HttpError } from '../../src/errors.ts';
import { bodyOf, DAY_MS, download, isoTime, NOW_MS, projectBody, settle } from '../support/builders.ts';
import { answerWith, createInProcessShared, setUpLookup } from '../support/lookup-parts.ts';

const many = <T>(make: () => T): T[] => Array.from({ length: 50 }, make);

describe('lookups of one project at one time', () => {
  test('cause one request upstream, and all get its answer', async () => {
    const { find, upstream, events } = setUpLookup();
    const finding = many(() => find());
    await settle();
    answerWith(upstream.last);
    const [first, ...others] = await Promise.all(finding);
    expect(upstream.calls).toHaveLength(1);
    expect(first).toMatchObject({ source: 'upstream', collapsed: false, forwarded: 'uri-miss' });
    for (const other of others) {
      expect(other).toMatchObject({ source: 'upstream', collapsed: true, answer: first?.answer });
    }
    expect(events.results.toSorted()).toEqual([...Array(49).fill('collapsed'), 'miss']);
    expect(events.statuses).toEqual(Array(50).fill('complete'));
  });

  test('fail together where the upstream fails, and the next one asks anew', async () => {
    const { find, findAnswered, upstream, events } = setUpLookup();
    const finding = Promise.allSettled(many(() => find()));
    await settle();
    upstream.last.fail(new HttpError('upstream_timeout'));
    for (const result of await finding) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'upstream_timeout' } });
    }
    expect(events.results).toEqual(Array(50).fill('error'));
    expect(await findAnswered()).toMatchObject({ source: 'upstream' });
    expect(upstream.calls).toHaveLength(2);
  });

  test('are of one kind and one id', async () => {
    const { find, lookup, upstream } = setUpLookup();
    void find('p1');
    void find('p2');
    void lookup.find({ kind: 'video', id: 'p1', minValidSeconds: undefined, traceparent: undefined });
    await settle();
    expect(upstream.calls.map(({ id }) => id)).toEqual(['p1', 'p2', 'p1']);
  });

  test('find memory filled before the flight ends, so that none slips in between', async () => {
    const { find, upstream, memory } = setUpLookup();
    const late: unknown[] = [];
    const finding = Promise.resolve(find()).then(() => late.push(memory.read('image', 'p1')));
    await settle();
    answerWith(upstream.last);
    // As the answer comes in, somebody asks at each turn of the promises.
    for (let turn = 0; turn < 30; turn += 1) {
      late.push(find());
      await Promise.resolve();
    }
    await Promise.all([finding, ...late]);
    expect(upstream.calls).toHaveLength(1);
    expect(late).not.toContain(undefined);
  });

  test("carry the first caller's trace to the upstream", async () => {
    const { lookup, upstream } = setUpLookup();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    void lookup.find({ kind: 'image', id: 'p1', minValidSeconds: undefined, traceparent });
    await settle();
    expect(upstream.last.traceparent).toBe(traceparent);
  });
});

describe('what the upstream answered', () => {
  test('is served from memory until it ends, byte for byte, and asked for again after', async () => {
    const { find, findAnswered, upstream, clock } = setUpLookup();
    const body = Buffer.from(`  ${projectBody({ unknown_field: [1e2, 'Ünïcode ✓'] })}\n`);
    const first = find();
    await settle();
    upstream.last.answer(body);
    const sent = { body: body.toString('latin1') };
    expect(await first).toMatchObject({ answer: sent });
    clock.advance(DAY_MS - 30_001);
    expect(await find()).toMatchObject({ source: 'memory', answer: { ...sent, fetchedAtMs: NOW_MS } });
    clock.advance(1);
    expect(await findAnswered()).toMatchObject({ source: 'upstream', forwarded: 'stale' });
  });

  test.each([
    ['a deleted project', { enabled: false }],
    ['an unknown status', { status: 'paused' }],
    ['downloads that end within the margin', { downloads: [download(isoTime(NOW_MS + 30_000))] }],
  ])('is passed on and not kept where it is %s', async (_what, fields) => {
    const shared = createInProcessShared();
    const { findAnswered, upstream, memory } = setUpLookup({ shared });
    for (let round = 1; round <= 2; round += 1) {
      const found = await findAnswered(fields);
      expect(found).toMatchObject({ source: 'upstream', forwarded: 'uri-miss' });
      expect(bodyOf(found)).toMatchObject(fields);
      expect(upstream.calls).toHaveLength(round);
    }
    expect([memory.entries, shared.held.size]).toEqual([0, 0]);
  });

  test('that a project was deleted takes back what was kept before, everywhere', async () => {
    const shared = createInProcessShared();
    const { findAnswered, memory } = setUpLookup({ shared });
    await findAnswered({ downloads: [download(isoTime(NOW_MS + 3_600_000))] });
    expect(shared.held.size).toBe(1);
    await findAnswered({ enabled: false }, 86_400);
    await settle();
    expect([memory.entries, shared.held.size]).toEqual([0, 0]);
    expect(shared.purges).toEqual(['image/p1']);
  });

  test.each([
    ["another project's id", projectBody({ id: 'p2' })],
    ['an id in another spelling', projectBody({ id: 'P1' })],
    ['not JSON', Buffer.from('<html>')],
    ['not the documented shape', Buffer.from('[]')],
  ])('is 502 and kept nowhere where it is %s', async (_what, body) => {
    const shared = createInProcessShared();
    const { find, upstream, memory, events } = setUpLookup({ shared });
    const finding = find();
    await settle();
    upstream.last.answer(body);
    await expect(finding).rejects.toMatchObject({ code: 'upstream_bad_response', status: 502 });
    expect([memory.entries, shared.held.size, events.statuses]).toEqual([0, 0, []]);
  });

  test('that there is no such project is kept for its own short time', async () => {
    const { find, findAnswered, upstream, clock } = setUpLookup();
    expect((await findAnswered(null)).answer.found).toBe(false);
    clock.advance(4999);
    expect(await find('p1', 3600)).toMatchObject({ source: 'memory', answer: { found: false } });
    clock.advance(1);
    expect(bodyOf(await findAnswered({ status: 'queued' }))).toMatchObject({ status: 'queued' });
    expect(upstream.calls).toHaveLength(2);
  });

  test('is not shared while unfinished where that is turned off', async () => {
    const { findAnswered, upstream } = setUpLookup({ policy: { pendingTtlMs: 0, notFoundTtlSeconds: 0 } });
    for (const fields of [{ status: 'queued' }, null, { status: 'rendering' }]) {
      expect(await findAnswered(fields)).toMatchObject({ source: 'upstream' });
    }
    expect(upstream.calls).toHaveLength(3);
  });

  test('is counted as drift, field by field', async () => {
    const { find, findAnswered, events } = setUpLookup();
    await findAnswered({ image_count: 'one', new_field: 1, total_frame_cost: undefined });
    await find();
    expect(events.drift).toEqual(['image_count', 'other']);
  });
});
