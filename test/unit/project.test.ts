import { describe, expect, test } from 'vitest';
import { KINDS, type Kind, parseProject } from '../../src/lookup/project.ts';
import { download, isoTime, NOW_MS, project, projectBody, projectFields } from '../support/builders.ts';
import { signDownload } from '../support/signed-url.ts';

const parseText = (text: string) => parseProject('image', Buffer.from(text));
const endsOf = (...downloads: unknown[]) => project({ downloads }).downloadEnds;

describe('an upstream body', () => {
  test.each(['draft', 'queued', 'rendering'])('of status %s can still change', (status) => {
    expect(project({ status })).toMatchObject({ id: 'p1', status, terminal: false, enabled: true });
  });

  test.each(['complete', 'error', 'canceled'])('of status %s is terminal', (status) => {
    expect(project({ status })).toMatchObject({ status, terminal: true });
  });

  test.each(['paused', '', 'COMPLETE', '__proto__', 'unknown'])('of status "%s" is unknown', (status) => {
    expect(project({ status })).toMatchObject({ status: 'unknown', terminal: false, drift: ['status'] });
  });

  test('counts as deleted only where it says so', () => {
    expect(project({ enabled: false }).enabled).toBe(false);
    expect(project({ enabled: undefined }).enabled).toBe(true);
    expect(project({ enabled: 0 }).enabled).toBe(true);
  });

  test.each([
    'null',
    'true',
    '1',
    '"complete"',
    '[]',
    '[{"id":"p1","status":"complete"}]',
    '{}',
    '',
    '{"id":"p1","status":"complete"',
    '{"id":1,"status":"complete"}',
    '{"id":"p1","status":null}',
    '{"id":"p1"}',
    '{"status":"complete"}',
    '{"id":"p1","status":"complete","downloads":{}}',
    '{"id":"p1","status":"complete","downloads":[null]}',
    '{"id":"p1","status":"complete","downloads":["https://x.example/"]}',
    '<html></html>',
  ])('that is %s is no project', (text) => {
    expect(parseText(text)).toBeUndefined();
  });

  test('of bytes that are not UTF-8 is no project', () => {
    const body = projectBody({ name: '*' });
    expect(parseProject('image', body)).toBeDefined();
    body[body.indexOf('*')] = 0xff;
    expect(parseProject('image', body)).toBeUndefined();
  });

  test('keeps its meaning whatever stands under __proto__', () => {
    expect(parseText('{"__proto__":{"id":"p1","status":"complete"}}')).toBeUndefined();
    const parsed = parseText(
      '{"id":"p1","status":"complete","__proto__":{"enabled":false,"downloads":[{}]}}',
    );
    expect(parsed).toMatchObject({ enabled: true, downloadEnds: { count: 0, allKnown: true } });
    expect(Object.hasOwn(Object.prototype, 'enabled')).toBe(false);
  });

  test.each([
    ['lists', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
  ])('nested 100,000 levels deep in %s is read as any other', (_of, deep) => {
    expect(parseText(`{"id":"p1","status":"complete","extra":${deep}}`)?.drift).toContain('other');
    expect(
      parseText(`{"id":"p1","status":"complete","downloads":[{"url":${deep}}]}`)?.downloadEnds,
    ).toMatchObject({ count: 1, allKnown: false });
  });
});

describe('the ends of downloads', () => {
  test('the earliest of several counts', () => {
    const ends = [3000, 1000, 2000].map((ms) => download(isoTime(NOW_MS + ms)));
    expect(endsOf(...ends)).toEqual({ count: 3, earliestMs: NOW_MS + 1000, allKnown: true });
  });

  test('no downloads, null and a missing list are all none', () => {
    const none = { count: 0, earliestMs: undefined, allKnown: true };
    expect(endsOf()).toEqual(none);
    expect(project({ downloads: null }).downloadEnds).toEqual(none);
    expect(project({ downloads: undefined }).downloadEnds).toEqual(none);
  });

  test('a signed URL that ends sooner than expires_at counts, and one that ends later does not', () => {
    const { url } = signDownload('https://videos.magichour.ai/p1/output.png', NOW_MS, 3600);
    expect(endsOf(download(isoTime(NOW_MS + 7_200_000), url)).earliestMs).toBe(NOW_MS + 3_600_000);
    expect(endsOf(download(isoTime(NOW_MS + 60_000), url)).earliestMs).toBe(NOW_MS + 60_000);
    expect(endsOf(download('soon', url))).toEqual({
      count: 1,
      earliestMs: NOW_MS + 3_600_000,
      allKnown: true,
    });
  });

  test.each([
    ['a date alone', '2030-01-02'],
    ['no time zone', '2030-01-02T00:00:00'],
    ['a number', NOW_MS],
    ['digits', '1893542400'],
    ['the form of mail', 'Wed, 02 Jan 2030 00:00:00 GMT'],
    ['a day that no calendar has', '2030-02-30T00:00:00Z'],
    ['nothing', ''],
    ['null', null],
    ['a missing field', undefined],
    ['a list', ['2030-01-02T00:00:00Z']],
  ])('an expires_at that is %s says nothing, and is drift', (_form, expiresAt) => {
    const downloads = [download(isoTime(NOW_MS + 5000)), download(expiresAt)];
    const parsed = project({ downloads });
    expect(parsed.downloadEnds).toEqual({ count: 2, earliestMs: NOW_MS + 5000, allKnown: false });
    expect(parsed.drift).toEqual(['downloads']);
  });

  test.each(['2030-01-02T00:00:00Z', '2030-01-02T02:00:00.000+02:00', '2030-01-02T00:00:00.000000000Z'])(
    'an expires_at spelled %s is the moment it names',
    (expiresAt) => {
      expect(endsOf(download(expiresAt)).earliestMs).toBe(Date.UTC(2030, 0, 2));
    },
  );

  test('the year 9999 and a moment long past are dates like any other', () => {
    expect(endsOf(download('9999-12-31T23:59:59Z')).earliestMs).toBe(Date.UTC(9999, 11, 31, 23, 59, 59));
    expect(endsOf(download('1999-01-01T00:00:00Z')).earliestMs).toBe(Date.UTC(1999, 0, 1));
  });

  test('more downloads than fit a call stack are no problem', () => {
    const downloads = Array.from({ length: 200_000 }, () => ({ expires_at: isoTime(NOW_MS) }));
    expect(project({ downloads }).downloadEnds).toMatchObject({ count: 200_000, earliestMs: NOW_MS });
  });
});

describe('drift', () => {
  test('is nothing where all is as documented, with and without total_frame_cost', () => {
    expect(project().drift).toEqual([]);
    expect(project({ total_frame_cost: undefined }).drift).toEqual([]);
    expect(project({ total_frame_cost: 'many' }).drift).toEqual([]);
    expect(project({ name: null, error: { message: 'm', code: 'c' } }).drift).toEqual([]);
  });

  test.each([
    'name',
    'image_count',
    'type',
    'created_at',
    'enabled',
    'credits_charged',
    'downloads',
    'error',
  ])('names %s where it is missing or of another form', (field) => {
    expect(project({ [field]: undefined }).drift).toEqual([field]);
    if (field !== 'downloads') expect(project({ [field]: ['x'] }).drift).toEqual([field]);
  });

  test.each<[Kind, readonly string[]]>([
    ['image', ['image_count']],
    ['video', ['width', 'height', 'fps', 'start_seconds', 'end_seconds']],
    ['audio', []],
  ])('names what %s projects have beside the common fields, and no other', (kind, fields) => {
    const { image_count: _, ...common } = projectFields();
    const whole = { ...common, ...Object.fromEntries(fields.map((field) => [field, 1])) };
    const driftOf = (body: object) => parseProject(kind, Buffer.from(JSON.stringify(body)))?.drift;
    expect(driftOf(whole)).toEqual([]);
    for (const field of fields) {
      expect(driftOf({ ...whole, [field]: undefined })).toEqual([field]);
      expect(driftOf({ ...whole, [field]: '1' })).toEqual([field]);
    }
    expect(driftOf({ ...whole, duration: 1 })).toEqual(['other']);
  });

  test('is neither the presence nor the absence of a field that the vendor and its SDK disagree about', () => {
    const video = { width: 1, height: 1, fps: 29.97, start_seconds: 0.5, end_seconds: 15 };
    for (const kind of KINDS) {
      const fields = { ...projectFields(kind === 'video' ? video : {}), download: null };
      const drift = parseProject(kind, Buffer.from(JSON.stringify(fields)))?.drift;
      // An image's count is a video's or an audio's oddity, as a video's old `download` is theirs.
      expect(drift).toEqual(['other']);
    }
    const { image_count: _, ...common } = projectFields(video);
    expect(parseProject('video', Buffer.from(JSON.stringify({ ...common, download: null })))?.drift).toEqual(
      [],
    );
  });

  test('counts fields that nobody documented once, as other', () => {
    expect(project({ a: 1, b: 2, constructor: 3 }).drift).toEqual(['other']);
  });
});
