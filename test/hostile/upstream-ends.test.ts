import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Answering, startAnswering } from '../support/answering.ts';
import { rawResponse } from '../support/raw-upstream.ts';
import { sendExactly } from '../support/send-exactly.ts';
import { ANSWERED_ID, body, download } from '../support/upstream-answers.ts';

let answering: Answering;
beforeAll(async () => {
  answering = await startAnswering();
});
afterAll(() => answering.stop());

const SECONDS_OF_ERROR = 60;

describe('an end of a download that', () => {
  afterEach(() => answering.forget());

  /** Not held against the API description, which such a body breaks; it is the upstream's, passed on as it came. */
  async function look() {
    const authorization = ['Authorization', `Bearer ${await answering.stack.issuer.token()}`];
    const path = `/v1/image-projects/${ANSWERED_ID}`;
    const {
      status,
      headers,
      body: received,
    } = await sendExactly(answering.stack.service.publicUrl, path, authorization);
    const maxAge = Number(/max-age=(\d+)/.exec(headers.get('cache-control') ?? '')?.[1]);
    return { status, maxAge, received };
  }

  /** Whatever it says, the answer is kept no longer than that; 0 means not at all. */
  test.each<[string, unknown, number]>([
    ['is missing', undefined, SECONDS_OF_ERROR],
    ['is null', null, SECONDS_OF_ERROR],
    ['is a number', Date.now() + 3_600_000, SECONDS_OF_ERROR],
    ['is a number in seconds', '1999999999', SECONDS_OF_ERROR],
    ['is empty', '', SECONDS_OF_ERROR],
    ['is a day without a time', '2099-01-01', SECONDS_OF_ERROR],
    ['has no zone', '2099-01-01T00:00:00', SECONDS_OF_ERROR],
    ['is of RFC 2822', 'Thu, 01 Jan 2099 00:00:00 GMT', SECONDS_OF_ERROR],
    ['is of another land', '01.01.2099 00:00', SECONDS_OF_ERROR],
    ['has the 13th month', '2099-13-01T00:00:00Z', SECONDS_OF_ERROR],
    ['has the 30th of February', '2099-02-30T00:00:00Z', SECONDS_OF_ERROR],
    ['has the 24th hour', '2099-01-01T24:00:00Z', SECONDS_OF_ERROR],
    ['has a year of five digits', '+12026-01-01T00:00:00Z', SECONDS_OF_ERROR],
    ['is an object', { seconds: 1 }, SECONDS_OF_ERROR],
    ['is in the year 9999', '9999-12-31T23:59:59Z', 86_400],
    ['is past', '2020-01-01T00:00:00Z', 0],
    ['is before all time', '0000-01-01T00:00:00Z', 0],
    ['is now', new Date().toISOString(), 0],
  ])('%s', async (_what, expires_at, seconds) => {
    const sent = body({ downloads: [download({ expires_at })] });
    answering.respondWith(rawResponse(sent));
    const { status, maxAge, received } = await look();
    expect(status).toBe(200);
    expect(received).toBe(sent);
    expect(maxAge).toBeLessThanOrEqual(seconds);
    if (seconds === 0) await answering.expectGoodNext();
    else expect(maxAge).toBeGreaterThan(seconds - 5);
  });

  test.each([
    ['absurd', 'X-Goog-Date=20260101T000000Z&X-Goog-Expires=999999999999', 86_400],
    ['of no date', 'X-Goog-Date=now&X-Goog-Expires=60', 86_400],
    ['over', 'X-Goog-Date=20200101T000000Z&X-Goog-Expires=86400', 0],
  ])('is signed into its URL, %s', async (_what, query, seconds) => {
    const url = `https://videos.magichour.ai/p1/output.png?${query}`;
    answering.respondWith(rawResponse(body({ downloads: [download({ url })] })));
    const { maxAge } = await look();
    expect(maxAge).toBeLessThanOrEqual(seconds);
  });
});
