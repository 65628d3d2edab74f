import { expect, test } from 'vitest';
import { parseLogLine } from './log-conformance.ts';

const LINE = {
  level: 'warn',
  time: '2026-01-02T03:04:05.678Z',
  service: 'magic-hour-bff',
  version: '1',
  event: 'redis_unreachable',
  reason: 'ECONNREFUSED',
  msg: 'Redis can’t be reached',
};

test('a line that the catalogue describes is read', () => {
  expect(parseLogLine(JSON.stringify(LINE))).toEqual(LINE);
});

test.each([
  ['no JSON', '{"level":'],
  ['no event', { ...LINE, event: undefined }],
  ['an unknown event', { ...LINE, event: 'redis_unreachable2' }],
  ['an event by the name of what every object has', { ...LINE, event: 'constructor' }],
  ['an unknown field', { ...LINE, host: 'h' }],
  ['a missing field', { ...LINE, reason: undefined }],
  ['a field of another type', { ...LINE, reason: 1 }],
  ['another level', { ...LINE, level: 'error' }],
  ['no time', { ...LINE, time: 'now' }],
  ['a field of another event', { ...LINE, status: 401 }],
])('a line with %s is refused', (_what, line) => {
  expect(() => parseLogLine(typeof line === 'string' ? line : JSON.stringify(line))).toThrow(
    'src/log-events.ts describes no such line',
  );
});
