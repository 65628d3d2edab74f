import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAnswer, encodeAnswer } from '../../src/cache/answer-codec.ts';
import { createMemoryCache } from '../../src/cache/memory-cache.ts';
import type { Answer } from '../../src/lookup/answer.ts';
import { answer, DAY_MS, NOW_MS } from '../support/builders.ts';
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
        expect(decodeAnswer('p1', encodeAnswer(written))).toEqual(written);
      }),
    );
  });

  test('is a miss for every other id', () => {
    fc.assert(
      fc.property(foundAnswers, fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/), (written, id) => {
        fc.pre(id !== 'p1');
        expect(decodeAnswer(id, encodeAnswer(written))).toBeUndefined();
      }),
    );
  });

  test('of which a byte was changed never yields another body', () => {
    fc.assert(
      fc.property(foundAnswers, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, where, difference) => {
        const encoded = encodeAnswer(written);
        const at = where % encoded.length;
        encoded[at] = (encoded[at] ?? 0) ^ difference;
        const read = decodeAnswer('p1', encoded);
        if (at >= encoded.length - written.body.length) expect(read).toBeUndefined();
        if (read?.found) expect(read.body).toEqual(written.body);
      }),
      { numRuns: 1000 },
    );
  });

  test('is nothing where the bytes are of no such form', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decodeAnswer('p1', Buffer.from(bytes))).toBeUndefined();
      }),
    );
  });
});

test('the memory tier never holds more bytes than it may, nor another answer than was written last', () => {
  const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const steps = fc.array(
    fc.record({
      id: ids,
      size: fc.integer({ min: 0, max: 6000 }),
      act: fc.constantFrom('write', 'write', 'read', 'remove'),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12_000 }), steps, (maxBytes, path) => {
      const memory = createMemoryCache({ maxBytes, trustMs: 30_000, clock: createManualClock(NOW_MS) });
      const written = new Map<string, Answer>();
      for (const { id, size, act } of path) {
        if (act === 'remove') memory.remove('image', id);
        if (act === 'write') {
          const next = answer({ name: 'n'.repeat(size) });
          written.set(id, next);
          memory.write('image', id, next);
        }
        if (act !== 'write') {
          const held = memory.read('image', id);
          if (act === 'remove') expect(held).toBeUndefined();
          if (held !== undefined) expect(held.answer).toBe(written.get(id));
        }
        expect(memory.bytes).toBeLessThanOrEqual(maxBytes);
      }
      let bodies = 0;
      for (const id of written.keys()) {
        const held = memory.read('image', id)?.answer;
        if (held?.found) bodies += held.body.length;
      }
      expect(bodies).toBeLessThanOrEqual(maxBytes);
    }),
  );
});
