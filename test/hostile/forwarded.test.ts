import { describe, expect, test } from 'vitest';
import { sendExactly } from '../support/send-exactly.ts';
import { type Stack, startStack } from '../support/stack.ts';

const PATH = '/v1/image-projects/complete-1';

/** Ways in which a caller may claim to be somebody else, or to have asked for something else. */
const claims = (address: string): ReadonlyArray<readonly string[]> => [
  ['X-Forwarded-For', address],
  ['x-forwarded-FOR', address],
  ['X_Forwarded_For', address],
  ['X-Forwarded_For', address],
  ['X-Forwarded-For', address, 'X-Forwarded-For', '198.51.100.250'],
  ['X-Forwarded-For', `${address}, 10.0.0.1`],
  ['X-Forwarded-For', address, 'Connection', 'close, X-Forwarded-For'],
  ['Forwarded', `for=${address};proto=https;host=evil.example`],
  ['X-Real-IP', address],
  ['X-Client-IP', address],
  ['X-Cluster-Client-IP', address],
  ['X-Original-Forwarded-For', address],
  ['X-Originating-IP', address],
  ['X-Remote-Addr', address],
  ['Remote-Addr', address],
  ['Client-IP', address],
  ['True-Client-IP', address],
  ['CF-Connecting-IP', address],
  ['Fastly-Client-IP', address],
  ['Via', `1.1 ${address}`],
  ['X-Forwarded-Host', 'evil.example', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Port', '1'],
  ['X-Forwarded-Prefix', '/admin', 'X-Original-URL', '/metrics', 'X-Rewrite-URL', '/metrics'],
  ['X-HTTP-Method-Override', 'DELETE', 'X-HTTP-Method', 'DELETE', 'X-Method-Override', 'DELETE'],
  ['X-Host', 'evil.example', 'X-Forwarded-Server', 'evil.example', 'X-Amz-Security-Token', 'x'],
];

const send = ({ service }: Stack, headers: readonly string[], path = PATH) =>
  sendExactly(service.publicUrl, path, headers);

describe('what a caller claims about where it comes from', () => {
  test('changes nothing in whose requests are counted', async () => {
    const rows = claims('203.0.113.7');
    const stack = await startStack({ env: { RATE_LIMIT_IP_MAX: String(rows.length) } });
    for (const headers of rows) expect((await send(stack, headers)).status).toBe(401);
    for (const headers of claims('203.0.113.8')) expect((await send(stack, headers)).status).toBe(429);
    expect(await stack.metric('rate_limit_rejections_total{policy="ip"}')).toBe(rows.length);
  });

  test('changes nothing in what is sent upstream, and no header of a caller goes there', async () => {
    const stack = await startStack();
    const authorization = ['Authorization', `Bearer ${await stack.issuer.token()}`];
    const others = ['Cookie', 'a=b', 'X-Anything', '1', 'User-Agent', 'evil', 'Accept', 'text/html'];
    const sdk = ['X-Sideko-Sdk-Language', 'node', 'Range', 'bytes=0-1', 'Accept-Encoding', 'gzip'];
    for (const [n, headers] of claims('203.0.113.7').entries()) {
      const path = `/v1/image-projects/complete-${n}`;
      expect((await send(stack, [...authorization, ...others, ...sdk, ...headers], path)).status).toBe(200);
    }
    const sent = new Set(stack.emulator.requests.map(({ headers }) => JSON.stringify(headers)));
    expect([...sent].map((headers) => JSON.parse(headers))).toEqual([
      {
        accept: 'application/json',
        'accept-encoding': expect.any(String),
        authorization: `Bearer ${stack.emulator.apiKey}`,
        connection: 'keep-alive',
        host: new URL(stack.emulator.baseUrl).host,
        'user-agent': expect.stringMatching(/^magic-hour-bff\//),
      },
    ]);
    expect(stack.emulator.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
      claims('').map((_headers, n) => `GET /v1/image-projects/complete-${n}`),
    );
  });
});

describe('a trace', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const headerNames = async (headers: readonly string[]) => {
    const stack = await startStack();
    const authorization = ['Authorization', `Bearer ${await stack.issuer.token()}`];
    expect((await send(stack, [...authorization, ...headers])).status).toBe(200);
    const [request] = stack.emulator.requests;
    return Object.entries(request?.headers ?? {}).filter(
      ([name]) =>
        !['accept', 'accept-encoding', 'authorization', 'connection', 'host', 'user-agent'].includes(name),
    );
  };

  test('is the one thing of a caller that goes upstream, and that alone', async () => {
    const sent = ['traceparent', traceparent, 'tracestate', 'a=b', 'baggage', 'c=d', 'X-Request-Id', 'e'];
    expect(await headerNames(sent)).toEqual([['traceparent', traceparent]]);
  });

  test.each([`${traceparent}-x`, 'x', traceparent.replace('00-', 'ff-')])(
    'that is spelled %j does not',
    async (value) => expect(await headerNames(['traceparent', value])).toEqual([]),
  );

  test('that is sent twice does not', async () => {
    expect(await headerNames(['traceparent', traceparent, 'Traceparent', traceparent])).toEqual([]);
  });
});

describe('what a named proxy says', () => {
  const env = { RATE_LIMIT_IP_MAX: '1', TRUST_PROXY: '127.0.0.0/8, 10.0.0.0/8' };
  const forwarded = (value: string) => ['X-Forwarded-For', value];

  test('counts from the right, past other named proxies', async () => {
    const stack = await startStack({ env });
    expect((await send(stack, forwarded('203.0.113.1'))).status).toBe(401);
    expect((await send(stack, forwarded('6.6.6.6, 203.0.113.1'))).status).toBe(429);
    expect((await send(stack, forwarded('6.6.6.6, 203.0.113.1, 10.1.2.3'))).status).toBe(429);
    expect((await send(stack, [...forwarded('6.6.6.6'), ...forwarded('203.0.113.1')])).status).toBe(429);
    expect((await send(stack, forwarded('203.0.113.2'))).status).toBe(401);
  });

  test('in other headers does not count', async () => {
    const stack = await startStack({ env });
    expect((await send(stack, ['X-Real-IP', '203.0.113.1'])).status).toBe(401);
    expect((await send(stack, ['Forwarded', 'for=203.0.113.2'])).status).toBe(429);
    expect((await send(stack, ['X_Forwarded_For', '203.0.113.3'])).status).toBe(429);
  });

  test('takes one customer of IPv6 for one, whatever address of theirs it is', async () => {
    const stack = await startStack({ env });
    expect((await send(stack, forwarded('2001:db8:1:100::1'))).status).toBe(401);
    expect((await send(stack, forwarded('2001:db8:1:1ff:ffff::9'))).status).toBe(429);
    expect((await send(stack, forwarded('2001:db8:1:200::1'))).status).toBe(401);
  });

  test.each([
    ['no address', 'unknown'],
    ['an address with a port', '203.0.113.1:8080'],
    ['an address in brackets', '[2001:db8::1]:443'],
    ['a mapped address', '::ffff:203.0.113.1'],
    ['a zone', 'fe80::1%eth0'],
    ['commas', ',,,,'],
    ['nothing', ''],
    ['a very long word', 'x'.repeat(8000)],
    ['a thousand addresses', Array.from({ length: 1000 }, (_, n) => `10.0.${n % 256}.1`).join(',')],
    ['ten thousand entries', ','.repeat(10_000)],
    ['markup', '<script>'],
    ['a key of Redis', 'mhbff:v1:{image:p1}'],
  ])('may be %s: it is answered, and never with a 5xx', async (_what, value) => {
    const stack = await startStack({ env: { ...env, RATE_LIMIT_IP_MAX: '2' } });
    const statuses = [];
    for (let n = 0; n < 3; n += 1) statuses.push((await send(stack, forwarded(value))).status);
    expect(statuses).toEqual([401, 401, 429]);
  });

  test.each([
    ['without a port and with any', (n: number) => (n === 0 ? '203.0.113.1' : `203.0.113.1:${n}`)],
    ['in brackets, with ports', (n: number) => `[2001:db8:1:100::${n}]:${n}`],
    ['mapped and not', (n: number) => (n % 2 ? '203.0.113.1' : '::ffff:203.0.113.1')],
    ['of a zone', (n: number) => `fe80::1%eth${n}`],
    ['as words', (n: number) => `word-${n}`],
    ['as what is almost an address', (n: number) => `203.0.113.256:${n}`],
    ['behind an address', (n: number) => `203.0.113.${n}, unknown`],
  ])('is one caller, %s, however often it is spelled anew', async (_what, spelled) => {
    const stack = await startStack({ env: { ...env, RATE_LIMIT_IP_MAX: '3' } });
    const statuses = [];
    for (let n = 0; n < 5; n += 1) statuses.push((await send(stack, forwarded(spelled(n)))).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
  });

  test('with a port is the one that it is without, and what is no address is the proxy itself', async () => {
    const stack = await startStack({ env });
    expect((await send(stack, forwarded('203.0.113.1:443'))).status).toBe(401);
    expect((await send(stack, forwarded('203.0.113.1'))).status).toBe(429);
    expect((await send(stack, forwarded('[2001:db8::1]'))).status).toBe(401);
    expect((await send(stack, forwarded('2001:db8::1'))).status).toBe(429);
    expect((await send(stack, forwarded('unknown'))).status).toBe(401);
    expect((await send(stack, [])).status).toBe(429);
    expect((await send(stack, forwarded('203.0.113.2:443'))).status).toBe(401);
  });
});
