import { describe, expect, test } from 'vitest';
import {
  formatAtMost,
  formatBytes,
  formatDuration,
  formatRate,
  formatShare,
} from '../../src/status/format.ts';
import { html, toMarkup } from '../../src/status/html.ts';
import { renderPage } from '../../src/status/page.ts';
import type { StatusReport, Traffic } from '../../src/status/report.ts';
import { trafficBetween } from '../../src/status/traffic.ts';
import { NOW_MS } from '../support/builders.ts';

const MINUTE_MS = 60_000;

const QUIET: Traffic = { ...trafficBetween([]), seconds: 60, busyShare: 0 };

const REPORT: StatusReport = {
  atMs: NOW_MS,
  startedAtMs: NOW_MS - 90 * MINUTE_MS,
  version: '1.2.3',
  nodeVersion: '24.0.0',
  ready: true,
  checks: [{ name: 'redis', status: 'ok' }],
  upstream: {
    host: 'api.magichour.ai',
    circuitOpen: { value: false, sinceMs: undefined },
    inFlight: 2,
    maxInFlight: 64,
    queued: 1,
    maxQueued: 256,
  },
  key: {
    value: { place: 'current', newer: false, generation: 1 },
    sinceMs: undefined,
  },
  redis: { topology: 'Sentinel', up: { value: true, sinceMs: NOW_MS - 5 * MINUTE_MS } },
  cache: { bytes: 3 * 2 ** 20, maxBytes: 64 * 2 ** 20, entries: 1234 },
  requestsInFlight: 7,
  memory: { residentBytes: 90 * 2 ** 20, heapBytes: 30 * 2 ** 20 },
  lastMinute: QUIET,
  lastFiveMinutes: QUIET,
  sinceStart: QUIET,
};

/** The text of the row that a name heads, its cells apart from each other. */
function rowOf(page: string, name: string): string {
  const row = page.split('<tr').find((each) => each.includes(`<th scope="row">${name}</th>`)) ?? '';
  return row
    .replace(/^.*?<\/th>/, '')
    .replace(/<\/tr>.*$/s, '')
    .replace(/<\/td><td[^>]*>/g, ' | ')
    .replace(/<[^>]+>/g, '')
    .trim();
}

const textOf = (report: Partial<StatusReport>, name: string) =>
  rowOf(renderPage({ ...REPORT, ...report }), name);

describe('the page', () => {
  test('tells of a replica at peace', () => {
    const page = renderPage(REPORT);
    expect(page).toContain('<title>ready – magic-hour-bff</title>');
    expect(page).toContain('up 1 h 30 min');
    expect(rowOf(page, 'Upstream')).toBe('api.magichour.ai');
    expect(rowOf(page, 'Circuit')).toBe('closed since the start');
    expect(rowOf(page, 'Key in use')).toBe('the current one since the start');
    expect(rowOf(page, 'Key generation')).toBe('1 not exchanged since the start');
    expect(rowOf(page, 'Redis')).toMatch(/^up, Sentinel since \d\d:\d\d:\d\d UTC, 5 min ago$/);
    expect(rowOf(page, 'Requests in flight')).toBe('7');
    expect(rowOf(page, 'At the upstream')).toBe('2 of 64');
    expect(rowOf(page, 'Queued for it')).toBe('1 of 256');
    expect(rowOf(page, 'Memory cache')).toBe('3.0 MiB of 64.0 MiB in 1,234 projects');
  });

  test('says which check degrades a replica, and which takes it out of service', () => {
    const degraded = renderPage({
      ...REPORT,
      checks: [{ name: 'redis', status: 'degraded', detail: 'away' }],
    });
    expect(degraded).toContain('<title>degraded – magic-hour-bff</title>');
    expect(degraded).toContain('Ready, but degraded: redis');
    expect(rowOf(degraded, 'redis')).toBe('degraded away');
    const failed = renderPage({ ...REPORT, ready: false, checks: [{ name: 'lifecycle', status: 'failed' }] });
    expect(failed).toContain('<title>unready – magic-hour-bff</title>');
    expect(failed).toContain('Not ready: lifecycle');
  });

  test.each([
    [
      { place: 'current', newer: true, generation: 2 },
      'the current one, newer from its file',
      'exchanged once',
    ],
    [{ place: 'next', newer: false, generation: 4 }, 'the next one', 'exchanged 3 times'],
  ] as const)('names the key %j by its place alone', (value, inUse, exchanged) => {
    const key = { value, sinceMs: NOW_MS - 2 * 24 * 60 * MINUTE_MS - 1000 };
    expect(textOf({ key }, 'Key in use')).toMatch(
      new RegExp(`^${inUse} since \\d{4}-\\d\\d-\\d\\d .* UTC, 2 d ago$`),
    );
    expect(textOf({ key }, 'Key generation')).toContain(exchanged);
  });

  test('says that the circuit is open, that Redis is down and that there is none', () => {
    const open = { ...REPORT.upstream, circuitOpen: { value: true, sinceMs: NOW_MS - 4000 } };
    expect(textOf({ upstream: open }, 'Circuit')).toMatch(/^open: not asked for a while since .*, 4 s ago$/);
    const down = { topology: 'Cluster', up: { value: false, sinceMs: NOW_MS - 61_000 } };
    expect(textOf({ redis: down }, 'Redis')).toMatch(/^down, Cluster since .*, 1 min 1 s ago$/);
    expect(textOf({ redis: undefined }, 'Redis')).toContain('not configured');
  });

  test('gives rates of late and counts since the start', () => {
    const spans = {
      lastMinute: {
        ...QUIET,
        requests: 1200,
        p95Seconds: 0.0025,
        lookups: { memory_hit: 900, redis_hit: 60, collapsed: 20, miss: 10, error: 10 },
        busyShare: 0.123,
        longestDelayMs: 12.345,
      },
      lastFiveMinutes: { ...QUIET, seconds: 300, requests: 1 },
      sinceStart: { ...QUIET, requests: 1_234_567 },
    };
    expect(textOf(spans, 'All')).toBe('20.0/s | 0.2/min | 1,234,567');
    expect(textOf(spans, '95 % within')).toBe('≤ 2.5 ms | – | –');
    expect(textOf(spans, 'Hit ratio')).toBe('96.0 % | – | –');
    expect(textOf(spans, 'Hits in memory')).toBe('15.0/s | 0/s | 0');
    expect(textOf(spans, 'Busy')).toBe('12.3 % | 0.0 % | 0.0 %');
    expect(textOf(spans, 'Longest delay')).toBe('12.3 ms | 0 ms | –');
  });

  test('has no rates before there was a second sample', () => {
    const lastMinute = { ...QUIET, seconds: 0, requests: 5 };
    expect(textOf({ lastMinute, lastFiveMinutes: lastMinute }, 'All')).toBe('– | – | 0');
  });

  test('escapes whatever it shows', () => {
    const hostile = `<script>alert(1)</script>"'&`;
    const page = renderPage({
      ...REPORT,
      version: hostile,
      checks: [{ name: hostile, status: 'degraded', detail: hostile }],
      upstream: { ...REPORT.upstream, host: hostile },
    });
    expect(page).not.toContain('<script>alert');
    expect(page.split('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;')).toHaveLength(6);
  });

  test('holds no style and no script of its own, which its policy would refuse', () => {
    const page = renderPage(REPORT);
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)|javascript:/);
  });
});

describe('a template', () => {
  test('takes texts as texts, templates as they are, and lists of those', () => {
    const items = ['a', '<b>'].map((item) => html`<li>${item}</li>`);
    expect(toMarkup(html`<ul title="${'"'}">${items}</ul>${1}`)).toBe(
      '<ul title="&quot;"><li>a</li><li>&lt;b&gt;</li></ul>1',
    );
  });

  test('takes no markup from outside, however it is shaped', () => {
    const forged = JSON.parse('{"markup":"<b>","Symbol(markup)":"<b>","description":"markup"}');
    expect(toMarkup(html`${forged}`)).not.toContain('<b>');
  });
});

describe('figures', () => {
  test.each([
    [0, '0/s'],
    [1 / 300, '0.2/min'],
    [0.5, '0.50/s'],
    [12.34, '12.3/s'],
    [12_345.6, '12,346/s'],
  ])('a rate of %f reads as %s', (rate, text) => expect(formatRate(rate)).toBe(text));

  test.each([
    [0, '0 s'],
    [-5, '0 s'],
    [59_999, '59 s'],
    [3_600_000, '1 h'],
    [3_661_000, '1 h 1 min'],
    [90_061_000, '1 d 1 h'],
  ])('%d milliseconds read as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test.each([
    [100, '0.1 KiB'],
    [2 ** 20, '1.0 MiB'],
    [3 * 2 ** 30, '3.0 GiB'],
  ])('%d bytes read as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test('a share is never rounded up to all', () => {
    expect(formatShare(0.9999)).toBe('99.9 %');
    expect(formatShare(1)).toBe('100.0 %');
    expect(formatShare(0.57)).toBe('57.0 %');
  });

  test('a time is told by the bound that it is within', () => {
    expect(formatAtMost(0.001)).toBe('≤ 1 ms');
    expect(formatAtMost(2.5)).toBe('≤ 2.5 s');
    expect(formatAtMost(Number.POSITIVE_INFINITY)).toBe('over 15 s');
  });
});
