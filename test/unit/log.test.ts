import { expect, test } from 'vitest';
import { createLogger, messageOf } from '../../src/log.ts';
import { parseLogLine } from '../support/log-conformance.ts';

function startLog(level = 'trace') {
  const lines: string[] = [];
  const logger = createLogger({
    level,
    version: '1.2.3',
    destination: { write: (line) => void lines.push(line) },
  });
  return { logger, lines };
}

test('an event is one line, of the level and in the words of the catalogue', () => {
  const { logger, lines } = startLog();
  logger.event('configuration_invalid', { variables: ['A', 'B'], faults: ['A: is required', 'B: %s {x}'] });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[^\n]*\n$/);
  expect(parseLogLine(lines[0] ?? '')).toEqual({
    level: 'fatal',
    time: expect.any(String),
    service: 'magic-hour-bff',
    version: '1.2.3',
    event: 'configuration_invalid',
    variables: ['A', 'B'],
    faults: ['A: is required', 'B: %s {x}'],
    msg: 'the configuration is invalid: A, B',
  });
});

test('what a field holds is not read as a form of words', () => {
  expect(messageOf('could_not_listen', { listener: 'ops', address: '{code}', code: '$&%s' })).toBe(
    'could not listen at {code}: $&%s',
  );
});

test('an error is told in safe words', () => {
  const { logger, lines } = startLog();
  logger.event('defect', { error: new TypeError('s3cret', { cause: 's3cret' }) });
  expect(parseLogLine(lines[0] ?? '')).toMatchObject({
    error: { name: 'TypeError', cause: { name: 'string' } },
  });
  expect(lines.join()).not.toContain('s3cret');
});

test('what is below the level is not written', () => {
  const { logger, lines } = startLog('error');
  logger.event('redis_connected');
  logger.event('redis_unreachable', { reason: 'ECONNREFUSED' });
  logger.event('redis_went_away', { reason: 'timeout', count: 1 });
  expect(lines.map((line) => parseLogLine(line).event)).toEqual(['redis_went_away']);
  expect(logger.isLevelEnabled('info')).toBe(false);
});

test('types refuse an event or a field that the catalogue has not', () => {
  const { logger } = startLog();
  // @ts-expect-error: no such event
  expect(() => logger.event('coffee_ready')).toThrow();
  // @ts-expect-error: it has a field
  logger.event('redis_unreachable');
  // @ts-expect-error: another type
  logger.event('redis_unreachable', { reason: 1 });
  // @ts-expect-error: it has none
  logger.event('redis_connected', { reason: 'a' });
});
