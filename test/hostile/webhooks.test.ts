import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exchange } from '../support/raw-http.ts';
import { sendExactly } from '../support/send-exactly.ts';
import { openStack, type Stack } from '../support/stack.ts';
import { signedHeaders, WEBHOOK_SECRET, webhookBody } from '../support/webhook-sender.ts';

const PATH = '/webhooks/magic-hour';
const MIB = 1024 * 1024;
const LAST = 'the-honest-one-behind';

let stack: Stack;
beforeAll(async () => {
  stack = await openStack({ env: { WEBHOOK_SECRET, RATE_LIMIT_IP_MAX: '100000' } });
});
afterAll(() => stack.stop());

const body = () => webhookBody('image.completed', stack.emulator.bodyOf('image', 'complete-1'));
const lines = (headers: Record<string, string>) =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
const honest = `GET /nowhere HTTP/1.1\r\nHost: bff.example\r\nX-Request-Id: ${LAST}\r\nConnection: close\r\n\r\n`;
const head = (headers: readonly string[]) =>
  `${[`POST ${PATH} HTTP/1.1`, 'Host: bff.example', ...headers].join('\r\n')}\r\n\r\n`;

/** What is answered to bytes, and whether the honest request behind them was seen for what it is. */
async function outcomeOf(bytes: string): Promise<string> {
  const sent = Buffer.concat([Buffer.from(bytes, 'utf8'), Buffer.from(honest)]);
  const { answers, rest } = await exchange(stack.service.publicUrl, sent);
  expect(rest.toString('latin1')).toBe('');
  const goesOn = answers.at(-1)?.headers.get('x-request-id') === LAST;
  return [
    ...answers.slice(0, goesOn ? -1 : undefined).map(({ status }) => status),
    goesOn ? 'on' : 'end',
  ].join(' ');
}

describe('the framing of a webhook', () => {
  test('may be by length or by chunks, cut anywhere', async () => {
    const text = body();
    const signed = lines(signedHeaders(text));
    const bytes = Buffer.from(text);
    expect(await outcomeOf(head([...signed, `Content-Length: ${bytes.length}`]) + text)).toBe('200 on');
    const chunks = [text.slice(0, 1), text.slice(1, 40), text.slice(40)].map(
      (chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`,
    );
    const chunked = `${head([...signed, 'Transfer-Encoding: chunked'])}${chunks.join('')}0\r\n\r\n`;
    expect(await outcomeOf(chunked)).toBe('200 on');
  });

  test('with an expectation is told to go on', async () => {
    const text = body();
    const expecting = head([
      ...lines(signedHeaders(text)),
      'Expect: 100-continue',
      `Content-Length: ${Buffer.byteLength(text)}`,
    ]);
    expect(await outcomeOf(expecting + text)).toBe('100 200 on');
  });

  test('that can be read in two ways is refused, and the connection ended', async () => {
    const text = body();
    const signed = lines(signedHeaders(text));
    for (const framing of [
      ['Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['Content-Length: 5', 'Content-Length: 6'],
      ['Transfer-Encoding: gzip, chunked'],
      ['Transfer-Encoding: chunked, identity'],
      ['Content-Length: +5'],
    ]) {
      expect([framing, await outcomeOf(`${head([...signed, ...framing])}5\r\nhello\r\n0\r\n\r\n`)]).toEqual([
        framing,
        '400 end',
      ]);
    }
  });

  test('never lets a request inside of a body be one', async () => {
    const inside = 'GET /openapi.json HTTP/1.1\r\nHost: bff.example\r\n\r\n';
    expect(await outcomeOf(head([`Content-Length: ${inside.length}`]) + inside)).toBe('401 on');
    const signed = lines(signedHeaders(inside));
    expect(await outcomeOf(head([...signed, `Content-Length: ${inside.length}`]) + inside)).toBe('400 on');
  });
});

describe('a webhook', () => {
  const post = (headers: Record<string, string>, sent: string) =>
    stack.client.request(PATH, { method: 'POST', headers, body: sent });

  test('of 1 MiB is taken, and of a byte more is not', async () => {
    const padded = (bytes: number) => {
      const text = body();
      return text + ' '.repeat(bytes - Buffer.byteLength(text));
    };
    const [fits, over] = [padded(MIB), padded(MIB + 1)];
    expect((await post(signedHeaders(fits), fits)).status).toBe(200);
    const refused = await post(signedHeaders(over), over);
    expect([refused.status, refused.body.toString()]).toEqual([
      413,
      expect.stringContaining('request_too_large'),
    ]);
    const chunk = `${(64 * 1024).toString(16)}\r\n${'x'.repeat(64 * 1024)}\r\n`;
    const chunked = `${head([...lines(signedHeaders('')), 'Transfer-Encoding: chunked'])}${chunk.repeat(17)}0\r\n\r\n`;
    expect(await outcomeOf(chunked)).toBe('413 on');
    expect(await stack.metric('webhook_deliveries_total{event="other",result="too_large"}')).toBe(2);
  });

  test('whose body does not come is answered all the same, within a second', async () => {
    const { hostname, port } = new URL(stack.service.publicUrl);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.write(`${head([...lines(signedHeaders('{}')), 'Content-Length: 100'])}{`);
    const answer = await new Promise<string>((resolve) =>
      socket.once('data', (bytes) => resolve(bytes.toString())),
    );
    socket.destroy();
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(await stack.metric('webhook_deliveries_total{event="other",result="too_slow"}')).toBe(1);
  });

  test('that is compressed is refused: what was signed could not be told', async () => {
    const text = body();
    const answer = await post({ ...signedHeaders(text), 'content-encoding': 'gzip' }, text);
    expect(answer.status).toBe(400);
  });

  test.each(['magic-hour-event-signature', 'magic-hour-event-timestamp'])(
    'with %s twice is refused',
    async (name) => {
      const text = body();
      const headers = signedHeaders(text);
      const twice = [...Object.entries(headers).flat(), name, headers[name] ?? ''];
      const { status } = await sendExactly(stack.service.publicUrl, PATH, twice, {
        method: 'POST',
        body: text,
      });
      expect(status).toBe(401);
    },
  );

  test.each([
    [-299_000, 200],
    [299_000, 200],
    [-302_000, 401],
    [302_000, 401],
  ])('signed %d ms from now is answered %d', async (offMs, status) => {
    const text = '{"type":"test.event"}';
    expect((await post(signedHeaders(text, { nowMs: Date.now() + offMs }), text)).status).toBe(status);
  });

  test('that is nested beyond all measure harms nobody', async () => {
    const deep = `{"type":"image.completed","payload":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;
    expect((await post(signedHeaders(deep), deep)).status).toBe(400);
    expect((await stack.lookup('complete-after')).status).toBe(200);
  });
});

test('nothing of all that was a fault, and no secret was logged', () => {
  const logged = stack.logs().join('\n');
  expect(logged).not.toMatch(/"level":"(error|fatal)"/);
  expect(logged).not.toContain(WEBHOOK_SECRET);
});
