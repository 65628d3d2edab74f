import { describe, expect, test } from 'vitest';
import { readDelivery } from '../../src/webhooks/delivery.ts';

const read = (text: string | Buffer) => readDelivery(Buffer.from(text));

describe('a delivery', () => {
  test.each([
    ['image', 'started'],
    ['video', 'completed'],
    ['audio', 'errored'],
  ])('of %s.%s has its kind and the very bytes of its payload', (kind, change) => {
    const payload = '{ "id" : "p1",\t"n": 1.0e2, "s": "\\u00e9 } \\" \\\\" , "id":"p2"}';
    const delivery = read(` {"payload" : ${payload} ,\n"type":"${kind}.${change}"} `);
    expect(delivery).toEqual({ event: `${kind}.${change}`, kind, body: Buffer.from(payload) });
  });

  test('of a type that is spelled with escapes is read as any JSON', () => {
    expect(read('{"t\\u0079pe":"image.st\\u0061rted","p\\u0061yload":{}}')).toMatchObject({
      event: 'image.started',
      body: Buffer.from('{}'),
    });
  });

  test.each(['test.event', 'image.canceled', 'image', 'constructor', '__proto__', 'IMAGE.STARTED', ''])(
    'of the type %j is of no concern, whatever it carries',
    (type) => {
      expect(read(JSON.stringify({ type }))).toEqual({ event: 'other' });
      expect(read(JSON.stringify({ type, payload: [1] }))).toEqual({ event: 'other' });
    },
  );

  test.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['a list', '[{"type":"image.started","payload":{}}]'],
    ['without a type', '{"payload":{}}'],
    ['with a type that is no text', '{"type":1,"payload":{}}'],
    ['without a payload', '{"type":"image.started"}'],
    ['with two types', '{"type":"test.event","type":"image.started","payload":{}}'],
    ['with two payloads', '{"type":"image.started","payload":{},"payload":{}}'],
    [
      'with two payloads, one of them spelled by escapes',
      '{"type":"image.started","payload":{},"\\u0070ayload":{}}',
    ],
    ['with a byte order mark', '\ufeff{"type":"image.started","payload":{}}'],
    [
      'with bytes that are no UTF-8',
      Buffer.from('{"type":"image.started","payload":{"a":"\xff"}}', 'latin1'),
    ],
    ['in UTF-16', Buffer.from('{"type":"image.started","payload":{}}', 'utf16le')],
    ['with something behind', '{"type":"image.started","payload":{}}{}'],
  ])('that is %s can not be read', (_what, text) => {
    expect(read(text)).toBeUndefined();
  });
});
