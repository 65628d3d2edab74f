import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exchange } from '../support/raw-http.ts';
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
  stack.emulator.project('page-1', { response: { body: '<!doctype html>' } });
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
    send('/v1/image-projects/page-1', [...origin, ...authorization]),
    send('/v1/image-projects/complete-1', [...origin, ...authorization], 'HEAD'),
    // Not a preflight, which says what it is to be followed by.
    send('/v1/image-projects/complete-1', origin, 'OPTIONS'),
  ]);
const STATUSES = [200, 304, 401, 404, 402, 400, 404, 200, 405, 502, 200, 405];
const VARY = 'Origin, Authorization, Cookie';

const corsHeaders = ({ headers }: { readonly headers: Headers }) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));

const EXPOSED =
  'Age,Cache-Status,ETag,Preference-Applied,RateLimit,RateLimit-Policy,Retry-After,WWW-Authenticate,X-Request-Id';

describe('an origin that is not named', () => {
  test.each(FOREIGN)('%j gets no CORS header on any response', async (origin) => {
    const all = await responses(['Origin', origin]);
    expect(all.map(({ status }) => status)).toEqual(STATUSES);
    for (const response of all) {
      expect(corsHeaders(response)).toEqual({});
      expect(response.headers.get('vary')).toBe(VARY);
    }
  });

  test.each(FOREIGN)('%j gets no leave by a preflight', async (origin) => {
    for (const asked of PREFLIGHTS) {
      for (const path of ['/v1/image-projects/complete-1', '/openapi.json', '/nowhere']) {
        const response = await send(path, ['Origin', origin, ...asked], 'OPTIONS');
        expect(response.status).toBe(403);
        expect(corsHeaders(response)).toEqual({});
        expect(response.headers.get('vary')).toBe(VARY);
      }
    }
  });

  test.each([
    ['another full stop', 'https://app\u3002example.com'],
    ['another script', 'https://\u0430pp.example.com'],
    ['a soft hyphen', 'https://app.example.com\u00ad'],
    ['a NUL', 'https://app.example.com\0'],
    ['a no-break space', 'https://app.example.com\u00a0'],
  ])('with %s, byte for byte, gets no CORS header', async (_what, origin) => {
    const head = `GET /openapi.json HTTP/1.1\r\nHost: bff.example\r\nConnection: close\r\nOrigin: ${origin}\r\n\r\n`;
    const { answers } = await exchange(stack.service.publicUrl, Buffer.from(head));
    expect(answers.map(corsHeaders)).toEqual([{}]);
  });

  test('gets none by a second Origin header beside a good one', async () => {
    const pairs = [
      ['Origin', 'https://evil.example', 'Origin', ALLOWED[0]],
      ['Origin', ALLOWED[0], 'Origin', 'https://evil.example'],
      ['Origin', ALLOWED[0], 'origin', 'null'],
    ];
    for (const origins of pairs) {
      for (const response of await responses(origins)) expect(corsHeaders(response)).toEqual({});
      for (const asked of PREFLIGHTS) {
        const response = await send('/v1/image-projects/complete-1', [...origins, ...asked], 'OPTIONS');
        expect([response.status, corsHeaders(response)]).toEqual([403, {}]);
      }
    }
  });

  test('gets none by naming an allowed one elsewhere', async () => {
    const elsewhere = ['Referer', `${ALLOWED[0]}/`, 'X-Forwarded-Origin', ALLOWED[0], 'X-Origin', ALLOWED[0]];
    for (const response of await responses(elsewhere)) expect(corsHeaders(response)).toEqual({});
  });
});

describe('an origin that is named', () => {
  test.each(ALLOWED)('%s gets exactly its own on every response', async (origin) => {
    const all = await responses(['Origin', origin]);
    expect(all.map(({ status }) => status)).toEqual(STATUSES);
    for (const response of all) {
      expect(corsHeaders(response)).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-expose-headers': EXPOSED,
      });
      expect(JSON.stringify(corsHeaders(response))).not.toMatch(/\*|credentials|private/);
      expect(response.headers.get('vary')).toBe(VARY);
    }
  });

  test.each(ALLOWED)('%s may read and nothing else', async (origin) => {
    for (const asked of PREFLIGHTS) {
      const response = await send('/v1/image-projects/complete-1', ['Origin', origin, ...asked], 'OPTIONS');
      expect(response.status).toBe(204);
      expect(corsHeaders(response)).toEqual({
        'access-control-allow-headers':
          'Authorization,DPoP,If-None-Match,Last-Event-ID,Prefer,X-Request-Id,traceparent,X-Sideko-Sdk-Language,X-Sideko-Runtime',
        'access-control-allow-methods': 'GET,HEAD',
        'access-control-allow-origin': origin,
        'access-control-expose-headers': EXPOSED,
        'access-control-max-age': '600',
      });
      expect(response.headers.get('vary')).toBe(VARY);
    }
  });
});
