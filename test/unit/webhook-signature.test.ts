import { expect, test } from 'vitest';
import { type SignatureHeaders, signatureFault } from '../../src/webhooks/signature.ts';

/**
 * Made by openssl and by Python's hmac, after the vendor's recipe:
 * `printf '%s' "$timestamp.$body" | openssl dgst -sha256 -hmac "$secret" -hex`.
 * The secret and the body of the first are those of its page on securing a handler.
 */
const VECTORS = [
  {
    secret: 'your-webhook-secret',
    timestamp: '1729314984',
    body: '{"type":"test.event","payload":{"test":true}}',
    signature: 'de311cb2faf22a94b1273dd5295554254b3a6f4fd748f486d4bfd4b456192999',
  },
  {
    secret: 'whsec_abc123def456ghi789',
    timestamp: '1730742038',
    body: '{"type":"image.completed","payload":{"id":"cuid-example","name":"Zoë – 図","status":"complete"}}',
    signature: 'c5fc9e6cbfcc25c08c196a9262f4e0e18847ada29c83ecc0db59c80469d528f1',
  },
] as const;

const [{ secret, timestamp, body, signature }] = VECTORS;
const SIGNED_MS = Number(timestamp) * 1000;

function faultOf({
  headers = {},
  secrets = [secret],
  nowMs = SIGNED_MS,
  sent = body,
}: {
  headers?: Partial<SignatureHeaders>;
  secrets?: readonly string[];
  nowMs?: number;
  sent?: string;
} = {}) {
  return signatureFault(Buffer.from(sent), { signature, timestamp, ...headers }, secrets, nowMs, 300);
}

test.each(VECTORS)("the vendor's recipe gives $signature", (vector) => {
  const { signature: expected, timestamp: at } = vector;
  const sent = Buffer.from(vector.body);
  const headers = { signature: expected, timestamp: at };
  expect(signatureFault(sent, headers, [vector.secret], Number(at) * 1000, 300)).toBeUndefined();
});

test('hex digits count in either case, as the vendor compares them', () => {
  expect(faultOf({ headers: { signature: signature.toUpperCase() } })).toBeUndefined();
});

test('either of two secrets does, whichever is first', () => {
  expect(faultOf({ secrets: ['another-secret', secret] })).toBeUndefined();
  expect(faultOf({ secrets: [secret, 'another-secret'] })).toBeUndefined();
  expect(faultOf({ secrets: ['another-secret', 'a-third-secret'] })).toBe('bad_signature');
  expect(faultOf({ secrets: [] })).toBe('bad_signature');
});

test.each([
  ['missing', undefined],
  ['empty', ''],
  ['a digit short', signature.slice(1)],
  ['a digit long', `${signature}0`],
  ['with a letter that is no hex digit', `g${signature.slice(1)}`],
  ['with digits of another script', `\u0661${signature.slice(1)}`],
  ['with a prefix', `sha256=${signature}`],
  ['with a line feed behind', `${signature}\n`],
  ['of another digit', signature.replace('d', 'e')],
  ['sent twice and joined', `${signature}, ${signature}`],
])('a signature that is %s is refused', (_what, sent) => {
  expect(faultOf({ headers: { signature: sent } })).toBe('bad_signature');
});

test.each([
  ['missing', undefined],
  ['empty', ''],
  ['negative', '-1729314984'],
  ['with a sign', '+1729314984'],
  ['in milliseconds', '1729314984000'],
  ['with a fraction', '1729314984.0'],
  ['with an exponent', '1729314984e0'],
  ['in hex', '0x67132e28'],
  ['with a space', ' 1729314984'],
  ['with digits of another script', '\u0661729314984'],
  ['a word', 'NaN'],
])('a timestamp that is %s is refused', (_what, sent) => {
  expect(faultOf({ headers: { timestamp: sent } })).toBe('bad_timestamp');
});

test.each([
  [-300_001, 'bad_timestamp'],
  [-300_000, undefined],
  [300_000, undefined],
  [300_001, 'bad_timestamp'],
])('%d ms after it was signed, a delivery is judged %s', (afterMs, fault) => {
  expect(faultOf({ nowMs: SIGNED_MS + afterMs })).toBe(fault);
});

test('the timestamp is signed too: it can not be exchanged for a newer one', () => {
  expect(faultOf({ headers: { timestamp: '1729314985' } })).toBe('bad_signature');
});

test('the same JSON in other bytes is not what was signed', () => {
  expect(faultOf({ sent: body.replace(':', ': ') })).toBe('bad_signature');
});
