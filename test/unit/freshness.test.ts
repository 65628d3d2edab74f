import { describe, expect, test } from 'vitest';
import { freshUntilMs, outlives } from '../../src/lookup/freshness.ts';
import { signedUrlEndMs } from '../../src/lookup/signed-url.ts';
import { DAY_MS, download, isoTime, NOW_MS, POLICY, project } from '../support/builders.ts';
import { signDownload } from '../support/signed-url.ts';

/** Milliseconds from now that a project with these fields is fresh. */
const freshForMs = (fields: Record<string, unknown>) =>
  freshUntilMs(project(fields), NOW_MS, POLICY) - NOW_MS;
const endingIn = (...seconds: number[]) => seconds.map((s) => download(isoTime(NOW_MS + s * 1000)));

describe('freshness', () => {
  test('keeps a finished project until a margin before its earliest download ends', () => {
    expect(freshForMs({ downloads: endingIn(3600, 600, 7200) })).toBe(570_000);
  });

  test('keeps a finished project that says no end no longer than other terminal ones', () => {
    expect(freshForMs({ downloads: [] })).toBe(60_000);
    expect(freshForMs({ downloads: [download('soon')] })).toBe(60_000);
    expect(freshForMs({ downloads: [download('soon'), ...endingIn(3600)] })).toBe(60_000);
    expect(freshForMs({ downloads: [download('soon'), ...endingIn(45)] })).toBe(15_000);
  });

  test.each(['error', 'canceled'])('keeps a project of status %s a short while', (status) => {
    expect(freshForMs({ status, downloads: [] })).toBe(60_000);
  });

  test.each(['draft', 'queued', 'rendering'])('shares a project of status %s a moment', (status) => {
    expect(freshForMs({ status, downloads: [] })).toBe(1000);
  });

  test('does not keep a deleted project, one of an unknown status, or one whose downloads end within the margin', () => {
    expect(freshForMs({ enabled: false })).toBeLessThanOrEqual(0);
    expect(freshForMs({ status: 'paused' })).toBeLessThanOrEqual(0);
    expect(freshForMs({ downloads: endingIn(30) })).toBeLessThanOrEqual(0);
    expect(freshForMs({ downloads: endingIn(-9) })).toBeLessThanOrEqual(0);
  });

  test('keeps nothing longer than a day, whatever a download says of itself', () => {
    expect(freshForMs({ downloads: [download('9999-12-31T23:59:59Z')] })).toBe(DAY_MS);
  });

  test.each(['error', 'canceled', 'rendering'])(
    'a project of status %s with downloads goes before they end, too',
    (status) => {
      expect(freshForMs({ status, downloads: endingIn(30.5) })).toBe(500);
    },
  );
});

describe('min_valid', () => {
  test('is met where every download lives that long, to the second', () => {
    expect(outlives(project({ downloads: endingIn(60, 90) }), NOW_MS, 60)).toBe(true);
    expect(outlives(project({ downloads: endingIn(60, 90) }), NOW_MS + 1, 60)).toBe(false);
  });

  test('is met by a project without downloads and never by a download that says no end', () => {
    expect(outlives(project({ downloads: [] }), NOW_MS, 86_400)).toBe(true);
    expect(outlives(project({ downloads: [download('soon')] }), NOW_MS, 0)).toBe(false);
    expect(outlives(project({ downloads: [download(null), ...endingIn(60)] }), NOW_MS, 60)).toBe(false);
  });
});

describe('a URL signed in the Google way', () => {
  test('ends as long after its date as it says', () => {
    const { url } = signDownload('https://storage.example/a.png', NOW_MS, 900);
    expect(signedUrlEndMs(url)).toBe(NOW_MS + 900_000);
    expect(signedUrlEndMs('https://s.example/?X-Goog-Expires=604800&X-Goog-Date=20300101T000000Z')).toBe(
      NOW_MS + 7 * DAY_MS,
    );
  });

  test.each([
    ['no URL', 'output.png?X-Goog-Date=20300101T000000Z&X-Goog-Expires=1'],
    ['no text', 7],
    ['nothing', undefined],
    ['unsigned', 'https://s.example/a.png'],
    ['without a date', 'https://s.example/?X-Goog-Expires=60'],
    ['without a lifetime', 'https://s.example/?X-Goog-Date=20300101T000000Z'],
    ['of a date in another form', 'https://s.example/?X-Goog-Date=2030-01-01T00:00:00Z&X-Goog-Expires=1'],
    ['of a thirteenth month', 'https://s.example/?X-Goog-Date=20301301T000000Z&X-Goog-Expires=1'],
    ['of a negative lifetime', 'https://s.example/?X-Goog-Date=20300101T000000Z&X-Goog-Expires=-1'],
    ['of a lifetime with an exponent', 'https://s.example/?X-Goog-Date=20300101T000000Z&X-Goog-Expires=1e3'],
    ['of more than seven days', 'https://s.example/?X-Goog-Date=20300101T000000Z&X-Goog-Expires=604801'],
    ['of the AWS kind', 'https://s.example/?X-Amz-Date=20300101T000000Z&X-Amz-Expires=60'],
  ])('is not one that is %s', (_what, url) => {
    expect(signedUrlEndMs(url)).toBeUndefined();
  });
});
