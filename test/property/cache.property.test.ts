import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAnswer, encodeAnswer } from '../../src/cache/answer-codec.ts';
import { createIdIndex } from '../../src/cache/id-index.ts';
import { createMemoryCache } from '../../src/cache/memory-cache.ts';
import type { Answer } from '../../src/lookup/answer.ts';
import { KINDS, type Kind } from '../../src/lookup/project.ts';
import { answer, DAY_MS, isoTime, NOW_MS } from '../support/builders.ts';
import { createManualClock } from '../support/manual-clock.ts';

const times = fc.record({
  fetchedAtMs: fc.integer({ min: NOW_MS - DAY_MS, max: NOW_MS }),
  freshUntilMs: fc.integer({ min: NOW_MS, max: NOW_MS + DAY_MS }),
});

const foundAnswers = fc
  .tuple(
    fc.record({
      status: fc.constantFrom('queued', 'complete', 'error', 'paused'),
      name: fc.option(fc.string({ unit: 'binary' })),
      extra: fc.jsonValue(),
    }),
    times,
    fc.boolean(),
  )
  .map(([fields, kept, refreshed]) => answer(fields, { ...kept, refreshed }));

const answers: fc.Arbitrary<Answer> = fc.oneof(
  foundAnswers,
  times.map((kept) => ({ found: false as const, ...kept })),
);

describe('an answer in Redis', () => {
  test('is read as it was written, to the byte', () => {
    fc.assert(
      fc.property(answers, (written) => {
        expect(decodeAnswer('image', 'p1', encodeAnswer(written))).toEqual(written);
      }),
    );
  });

  test('is a miss for every other id', () => {
    fc.assert(
      fc.property(foundAnswers, fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/), (written, id) => {
        fc.pre(id !== 'p1');
        expect(decodeAnswer('image', id, encodeAnswer(written))).toBeUndefined();
      }),
    );
  });

  test('of which a byte was changed never yields another body', () => {
    fc.assert(
      fc.property(foundAnswers, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, where, difference) => {
        const encoded = encodeAnswer(written);
        const at = where % encoded.length;
        encoded[at] = (encoded[at] ?? 0) ^ difference;
        const read = decodeAnswer('image', 'p1', encoded);
        if (at >= encoded.length - written.body.length) expect(read).toBeUndefined();
        if (read?.found) expect(read.body).toEqual(written.body);
      }),
      { numRuns: 1000 },
    );
  });

  test('is nothing where the bytes are of no such form', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decodeAnswer('image', 'p1', Buffer.from(bytes))).toBeUndefined();
      }),
    );
  });
});

const STATUSES = ['draft', 'queued', 'rendering', 'complete', 'error', 'canceled', 'paused'];
const kinds = fc.constantFrom(...KINDS);
const projectIds = fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/);

describe('the memory tier', () => {
  const tier = (maxBytes: number) =>
    createMemoryCache({ maxBytes, trustMs: 30_000, clock: createManualClock(NOW_MS) });

  test('gives back what it was given, to the byte', () => {
    const statuses = fc.constantFrom(...STATUSES);
    const downloads = fc.array(
      fc.record({ url: fc.webUrl(), expires_at: fc.constantFrom(undefined, isoTime(NOW_MS + DAY_MS)) }),
      { maxLength: 3 },
    );
    const given = fc.oneof(
      answers,
      fc
        .tuple(statuses, downloads, fc.nat())
        .map(([status, listed, clockLagMs]) => ({ ...answer({ status, downloads: listed }), clockLagMs })),
    );
    fc.assert(
      fc.property(kinds, projectIds, given, (kind, id, written) => {
        const memory = tier(100_000);
        memory.write(kind, id, written);
        expect(memory.read(kind, id)?.answer).toEqual(written);
      }),
    );
  });

  test('never holds more bytes than it may, nor another answer than was written last', () => {
    const steps = fc.array(
      fc.record({
        kind: kinds,
        id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
        size: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 6000 })),
        act: fc.constantFrom('write', 'write', 'read', 'remove'),
      }),
      { minLength: 1, maxLength: 200 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12_000 }), steps, (maxBytes, path) => {
        const memory = tier(maxBytes);
        const written = new Map<string, { kind: Kind; id: string; answer: Answer }>();
        for (const [at, { kind, id, size, act }] of path.entries()) {
          if (act === 'remove') memory.remove(kind, id);
          if (act === 'write') {
            const next = answer({ name: 'n'.repeat(size) }, { freshUntilMs: NOW_MS + 60_000 + at });
            written.set(`${kind}/${id}`, { kind, id, answer: next });
            memory.write(kind, id, next);
          } else {
            const held = memory.read(kind, id);
            if (act === 'remove') expect(held).toBeUndefined();
            if (held !== undefined) expect(held.answer).toEqual(written.get(`${kind}/${id}`)?.answer);
          }
          expect(memory.bytes).toBeLessThanOrEqual(maxBytes);
        }
        let bodies = 0;
        let entries = 0;
        for (const { kind, id, answer: last } of written.values()) {
          const held = memory.read(kind, id)?.answer;
          if (held === undefined) continue;
          expect(held).toEqual(last);
          entries += 1;
          if (held.found) bodies += held.body.length;
        }
        expect(memory.entries).toBe(entries);
        expect(bodies).toBeLessThanOrEqual(maxBytes);
      }),
    );
  });
});

test('an index of projects finds what was added and not removed, however often they share a slot', () => {
  const steps = fc.array(
    fc.record({
      // Few hashes over few slots, at both ends of the table.
      hash: fc.constantFrom(0, 1, 2, 6, 7, 0xffff_fff8, 0xffff_ffff),
      place: fc.nat({ max: 9 }),
      act: fc.constantFrom('add', 'add', 'remove', 'move'),
      to: fc.nat({ max: 9 }),
    }),
    { maxLength: 100 },
  );
  fc.assert(
    fc.property(steps, (path) => {
      const hashes = new Map<number, number>();
      const index = createIdIndex(8, {
        hashAt: (place) => hashes.get(place) ?? Number.NaN,
        isAt: (place, _kind, id) => id === String(place),
      });
      for (const { hash, place, act, to } of path) {
        const known = hashes.get(place);
        if (act === 'add' && known === undefined && !index.full) {
          hashes.set(place, hash);
          index.add(hash, place);
        }
        if (known === undefined) continue;
        if (act === 'remove') {
          index.remove(known, place);
          hashes.delete(place);
        }
        if (act === 'move' && !hashes.has(to)) {
          hashes.set(to, known);
          hashes.delete(place);
          index.move(known, place, to);
        }
        for (const [held, its] of hashes) expect(index.find(its, 'image', String(held))).toBe(held);
        expect(index.find(hash, 'image', 'none')).toBeUndefined();
        expect(index.entries).toBe(hashes.size);
      }
    }),
  );
});
