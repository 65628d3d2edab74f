import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendExactly } from '../support/send-exactly.ts';
import { openStack, type Stack } from '../support/stack.ts';

const ALLOWED = ['https://app.example.com', 'https://beta.example.com:8443'] as const;

const FOREIGN = [
  'null',
  '',
  '*',
  'https://',
  'https://example.com',
  'https://app.example.com.evil.example',
  'https://evil-app.example.com',
  'https://app.example.comevil.example',
  'https://app.example.co',
  'https://sub.app.example.com',
  'https://appxexample.com',
  'https://app.example.com.',
  'https://app.example.com:443',
  'https://app.example.com:8443',
  'https://beta.example.com',
  'https://beta.example.com:84430',
  'http://app.example.com',
  'HTTPS://APP.EXAMPLE.COM',
  'https://App.example.com',
  'https://app.example.com/',
  'https://app.example.com/path',
  'https://app.example.com?',
  'https://app.example.com#',
  'https://user@app.example.com',
  'https://evil.example@app.example.com',
  'https://app.example.com@evil.example',
  'https://app.example.com%2eevil.example',
  'https://app.example.com, https://evil.example',
  'https://evil.example, https://app.example.com',
  'https://app.example.com https://evil.example',
  'https://xn--pp-mia.example.com',
  '//app.example.com',
  'app.example.com',
  'file://',
  'chrome-extension://app.example.com',
  'https://127.0.0.1',
];

const PREFLIGHTS: ReadonlyArray<readonly string[]> = [
  ['Access-Control-Request-Method', 'GET'],
  ['Access-Control-Request-Method', 'DELETE', 'Access-Control-Request-Headers', 'x-anything'],
  ['Access-Control-Request-Method', 'GET', 'Access-Control-Request-Private-Network', 'true'],
];

let stack: Stack;
let authorization: readonly string[];
let etag: string;

beforeAll(async () => {
  stack = await openStack({ env: { CORS_ORIGINS: ALLOWED.join(','), RATE_LIMIT_MAX: '100000' } });
  authorization = ['Authorization', `Bearer ${await stack.issuer.token()}`];
  const response = await stack.lookup('complete-1');
  etag = response.headers.get('etag') ?? '';
});
afterAll(() => stack.stop());

const send = (path: string, headers: readonly string[], method = 'GET') =>
  sendExactly(stack.service.publicUrl, path, headers, { method });

/** One request for each way that a response can come about. */
const responses = (origin: readonly string[]) =>
  Promise.all([
    send('/v1/image-projects/complete-1', [...origin, ...authorization]),
    send('/v1/image-projects/complete-1', [...origin, ...authorization, 'If-None-Match', etag]),
    send('/v1/image-projects/complete-1', origin),
    send('/v1/image-projects/missing-1', [...origin, ...authorization]),
    send('/v1/image-projects/status-402-1', [...origin, ...authorization]),
    send('/v1/image-projects/bad%20id', [...origin, ...authorization]),
    send('/nowhere', origin),
    send('/openapi.json', origin),
    send('/v1/image-projects/complete-1', origin, 'DELETE'),
  ]);

const corsHeaders = ({ headers }: { readonly headers: Headers }) =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));

describe('an origin that is not named', () => {
  test.each(FOREIGN)('%j gets no CORS header on any response', async (origin) => {
    const all = await responses(['Origin', origin]);
    expect(all.map(({ status }) => status)).toEqual([200, 304, 401, 404, 402, 400, 404, 200, 405]);
    for (const response of all) {
      expect(corsHeaders(response)).toEqual([]);
      expect(response.headers.get('vary')).toBe('Origin, Authorization, Cookie');
    }
  });

  test.each(FOREIGN)('%j gets no leave by a preflight', async (origin) => {
    for (const asked of PREFLIGHTS) {
      const response = await send('/v1/image-projects/complete-1', ['Origin', origin, ...asked], 'OPTIONS');
      expect(response.status).toBe(403);
      expect(corsHeaders(response)).toEqual([]);
    }
  });

  test('gets none by a second Origin header beside a good one', async () => {
    const pairs = [
      ['Origin', 'https://evil.example', 'Origin', ALLOWED[0]],
      ['Origin', ALLOWED[0], 'Origin', 'https://evil.example'],
      ['Origin', ALLOWED[0], 'origin', 'null'],
    ];
    for (const origins of pairs) {
      for (const response of await responses(origins)) expect(corsHeaders(response)).toEqual([]);
    }
  });
});

describe('an origin that is named', () => {
  test.each(ALLOWED)('%s gets exactly its own on every response', async (origin) => {
    for (const response of await responses(['Origin', origin])) {
      expect(response.headers.get('access-control-allow-origin')).toBe(origin);
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
      expect(response.headers.get('vary')).toBe('Origin, Authorization, Cookie');
    }
  });

  test.each(ALLOWED)('%s may read and nothing else', async (origin) => {
    for (const asked of PREFLIGHTS) {
      const response = await send('/v1/image-projects/complete-1', ['Origin', origin, ...asked], 'OPTIONS');
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-origin')).toBe(origin);
      expect(response.headers.get('access-control-allow-methods')).toBe('GET,HEAD');
      expect(response.headers.get('access-control-allow-headers')).not.toMatch(/\*|anything/i);
      expect(response.headers.get('access-control-allow-private-network')).toBeNull();
    }
  });
});
