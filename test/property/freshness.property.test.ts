import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerHeaders } from '../../src/http/answer-headers.ts';
import { foundAnswer, isFresh } from '../../src/lookup/answer.ts';
import { freshUntilMs, outlives } from '../../src/lookup/freshness.ts';
import { parseProject } from '../../src/lookup/project.ts';
import { DAY_MS, headersOf, isoTime, NOW_MS, project, projectBody } from '../support/builders.ts';
import { signDownload } from '../support/signed-url.ts';

const seconds = (max: number) => fc.integer({ min: 0, max });

const policies = fc.record({
  expiryMarginSeconds: seconds(7200),
  terminalTtlSeconds: seconds(86_400),
  pendingTtlMs: seconds(86_400_000),
  notFoundTtlSeconds: seconds(86_400),
});

/** A download and the moment after which its URL is worth nothing; `undefined` where it doesn't say. */
const downloads = fc.array(
  fc
    .record({
      statedMs: fc.option(fc.integer({ min: -DAY_MS, max: 3 * DAY_MS }), { nil: undefined }),
      signedAtMs: fc.integer({ min: -DAY_MS, max: DAY_MS }),
      signedForSeconds: fc.option(fc.integer({ min: 0, max: 604_800 }), { nil: undefined }),
    })
    .map(({ statedMs, signedAtMs, signedForSeconds }) => {
      const plain = 'https://videos.magichour.ai/p1/output.png';
      const signed =
        signedForSeconds === undefined
          ? undefined
          : signDownload(plain, NOW_MS + signedAtMs, signedForSeconds);
      const ends = [
        ...(statedMs === undefined ? [] : [NOW_MS + statedMs]),
        ...(signed === undefined ? [] : [Date.parse(signed.expires_at)]),
      ];
      return {
        json: {
          url: signed?.url ?? plain,
          expires_at: statedMs === undefined ? 'soon' : isoTime(NOW_MS + statedMs),
        },
        endMs: ends.length === 0 ? undefined : Math.min(...ends),
      };
    }),
  { maxLength: 4 },
);

const statuses = fc.constantFrom('draft', 'queued', 'rendering', 'complete', 'error', 'canceled', 'paused');
const cases = { status: statuses, enabled: fc.boolean(), downloads, policy: policies };

describe('whatever the upstream says', () => {
  test('no answer is fresh beyond the end of any download, less the margin', () => {
    fc.assert(
      fc.property(fc.record(cases), ({ policy, downloads, ...fields }) => {
        const parsed = project({ ...fields, downloads: downloads.map(({ json }) => json) });
        const untilMs = freshUntilMs(parsed, NOW_MS, policy);
        for (const { endMs } of downloads) {
          // At or before now means that it is not kept at all.
          if (endMs !== undefined && untilMs > NOW_MS) {
            expect(untilMs).toBeLessThanOrEqual(endMs - policy.expiryMarginSeconds * 1000);
          }
        }
      }),
    );
  });

  test('no answer is fresh for more than a day', () => {
    fc.assert(
      fc.property(fc.record(cases), ({ policy, downloads, ...fields }) => {
        const parsed = project({ ...fields, downloads: downloads.map(({ json }) => json) });
        expect(freshUntilMs(parsed, NOW_MS, policy)).toBeLessThanOrEqual(NOW_MS + DAY_MS);
      }),
    );
  });

  test('no URL of an answer that is served while fresh has ended, and no browser keeps it longer', () => {
    fc.assert(
      fc.property(
        fc.record({ ...cases, ageMs: fc.integer({ min: 0, max: 2 * DAY_MS }) }),
        ({ policy, downloads, ageMs, ...fields }) => {
          const body = projectBody({ ...fields, downloads: downloads.map(({ json }) => json) });
          const parsed = project({ ...fields, downloads: downloads.map(({ json }) => json) });
          const untilMs = freshUntilMs(parsed, NOW_MS, policy);
          const kept = foundAnswer(body, parsed, {
            fetchedAtMs: NOW_MS,
            freshUntilMs: untilMs,
            refreshed: false,
            clockLagMs: 0,
          });
          const nowMs = NOW_MS + ageMs;
          const found = { answer: kept, source: 'memory', collapsed: false, forwarded: 'uri-miss' } as const;
          const headers = headersOf(answerHeaders(kept, found, true, nowMs));
          const maxAgeSeconds = Number(/max-age=(\d+)/.exec(headers['Cache-Control'] ?? '')?.[1] ?? 0);
          fc.pre(isFresh(kept, nowMs));
          expect(nowMs + maxAgeSeconds * 1000).toBeLessThanOrEqual(untilMs);
          for (const { endMs } of downloads) if (endMs !== undefined) expect(endMs).toBeGreaterThan(nowMs);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('min_valid is met only where each download lives that long', () => {
    fc.assert(
      fc.property(downloads, fc.integer({ min: 0, max: 86_400 }), (listed, minValidSeconds) => {
        const parsed = project({ downloads: listed.map(({ json }) => json) });
        const all = listed.every(
          ({ endMs }) => endMs !== undefined && endMs - NOW_MS >= minValidSeconds * 1000,
        );
        expect(outlives(parsed, NOW_MS, minValidSeconds)).toBe(all);
      }),
    );
  });

  test('no body makes the reading throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from)), (body) => {
        parseProject('image', body);
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        expect(parseProject('image', projectBody(fields))?.id ?? 'p1').toBe(
          'id' in fields ? fields.id : 'p1',
        );
      }),
    );
  });
});
