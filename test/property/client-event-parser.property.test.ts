import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEventParser, type ServerSentEvent } from '../../client/event-parser.ts';

function parse(bits: readonly string[]) {
  const events: ServerSentEvent[] = [];
  const retries: number[] = [];
  const feed = createEventParser(
    (event) => void events.push(event),
    (retryMs) => void retries.push(retryMs),
  );
  for (const bit of bits) feed(bit);
  return { events, retries };
}

/** Pieces of which streams are made, hostile ones among them. */
const pieces = fc.array(
  fc.constantFrom(
    '\n',
    '\r',
    '\r\n',
    ':',
    ': ',
    'data',
    'data: ',
    'event: status',
    'id: 1',
    'id: \0',
    'retry: 5',
    'retry: x',
    '\uFEFF',
    'é🌅',
    '{}',
    ' ',
  ),
  { maxLength: 60 },
);

test('a stream means the same wherever it is cut', () => {
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(400), { maxLength: 20 }), (parts, cuts) => {
      const text = `${parts.join('')}\n\n`;
      const at = [0, ...cuts.map((cut) => cut % text.length).toSorted((a, b) => a - b), text.length];
      const bits = at.slice(1).map((end, n) => text.slice(at[n], end));
      expect(bits.join('')).toBe(text);
      expect(parse(bits)).toEqual(parse([text]));
      expect(parse([...text])).toEqual(parse([text]));
    }),
    { numRuns: 500 },
  );
});

describe('an event', () => {
  test.each([
    ['data: a\n\n', { type: 'message', data: 'a', id: '' }],
    ['data:a\n\n', { type: 'message', data: 'a', id: '' }],
    ['data:  a\n\n', { type: 'message', data: ' a', id: '' }],
    ['data\n\n', { type: 'message', data: '', id: '' }],
    ['data: a\ndata: b\n\n', { type: 'message', data: 'a\nb', id: '' }],
    ['\uFEFFevent: status\r\nid: 7\r\ndata: a:b\r\n\r\n', { type: 'status', data: 'a:b', id: '7' }],
    ['id: 7\n\ndata: a\n\n', { type: 'message', data: 'a', id: '7' }],
    ['id: 7\nid: \0\ndata: a\n\n', { type: 'message', data: 'a', id: '7' }],
    ['event: x\n\ndata: a\n\n', { type: 'message', data: 'a', id: '' }],
    [': comment\ndatas: x\ndata: a\n\n', { type: 'message', data: 'a', id: '' }],
  ])('spelled %j is read', (text, event) => {
    expect(parse([text]).events).toEqual([event]);
  });

  test('that is not finished is none', () => {
    expect(parse(['data: a\n']).events).toEqual([]);
  });

  test('may tell when to come back', () => {
    expect(parse(['retry: 1500\n', 'retry: -1\n', 'retry: 1e3\n']).retries).toEqual([1500]);
  });
});
