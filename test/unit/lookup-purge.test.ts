import { describe, expect, test } from 'vitest';
import { answer, bodyOf, settle } from '../support/builders.ts';
import { answerWith, createInProcessShared, setUpLookup } from '../support/lookup-parts.ts';

function setUp() {
  const shared = createInProcessShared();
  return { shared, ...setUpLookup({ shared }) };
}

describe('a purge during a flight', () => {
  test('keeps its answer out of memory, and those who wait get it still', async () => {
    const { find, lookup, upstream, memory } = setUpLookup();
    const finding = [find(), find()];
    await settle();
    lookup.forget('image', 'p1');
    answerWith(upstream.last, { name: 'Old' });
    for (const found of await Promise.all(finding)) expect(bodyOf(found)).toMatchObject({ name: 'Old' });
    expect(memory.entries).toBe(0);
  });

  test('lets the next caller ask anew, whose answer is kept, whichever comes first', async () => {
    for (const oldFirst of [true, false]) {
      const { find, lookup, upstream } = setUpLookup();
      const old = find();
      lookup.forget('image', 'p1');
      const next = find();
      await settle();
      const order = oldFirst ? ([0, 1] as const) : ([1, 0] as const);
      for (const at of order) {
        const call = upstream.calls[at];
        if (call !== undefined) answerWith(call, { name: at === 0 ? 'Old' : 'New' });
        await settle();
      }
      expect(bodyOf(await old)).toMatchObject({ name: 'Old' });
      expect(bodyOf(await next)).toMatchObject({ name: 'New' });
      expect(upstream.calls).toHaveLength(2);
      expect(bodyOf(await find())).toMatchObject({ name: 'New' });
    }
  });

  test('that only the shared tier knew of leaves the answer nowhere', async () => {
    const { shared, find, upstream, memory } = setUp();
    const finding = find();
    await settle();
    await shared.purge('image', 'p1');
    answerWith(upstream.last, { name: 'Old' });
    expect(bodyOf(await finding)).toMatchObject({ name: 'Old' });
    await settle();
    expect([memory.entries, shared.held.size]).toEqual([0, 0]);
  });

  test('keeps out of memory what the shared tier had already sent off', async () => {
    const arrival = Promise.withResolvers<void>();
    const shared = createInProcessShared(async (call) => {
      const sent = call();
      await arrival.promise;
      return sent;
    });
    shared.held.set('image/p1', answer({ name: 'Old' }));
    const { find, lookup, memory } = setUpLookup({ shared });
    const finding = find();
    lookup.forget('image', 'p1');
    arrival.resolve();
    expect(bodyOf(await finding)).toMatchObject({ name: 'Old' });
    expect(memory.entries).toBe(0);
  });

  test('before a flight leaves its answer everywhere', async () => {
    const { shared, findAnswered, memory } = setUp();
    await shared.purge('image', 'p1');
    await findAnswered();
    await settle();
    expect([memory.entries, shared.held.size]).toEqual([1, 1]);
  });
});
