import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fillIn, RAW_CORPUS, type RawCase } from '../support/raw-corpus.ts';
import { exchange, type RawAnswer } from '../support/raw-http.ts';
import { openStack, type Stack } from '../support/stack.ts';

const LAST = 'the-honest-one-behind';
const PLAIN_LOOKUP = /^\/v1\/image-projects\/[A-Za-z0-9_-]{1,128}$/;

let stack: Stack;
let token: string;
let n = 0;

beforeAll(async () => {
  stack = await openStack({ env: { RATE_LIMIT_MAX: '100000', RATE_LIMIT_IP_MAX: '100000' } });
  token = await stack.issuer.token();
});
afterAll(() => stack.stop());

/** An honest request behind the case's bytes: if it is answered, the server took them for what they are, to the byte. */
const honest = `GET /nowhere HTTP/1.1\r\nHost: bff.example\r\nX-Request-Id: ${LAST}\r\nConnection: close\r\n\r\n`;

async function run({ bytes, unfinished }: RawCase): Promise<{ outcome: string; answers: RawAnswer[] }> {
  n += 1;
  const sent = fillIn(bytes, { id: `complete-${n}`, token });
  const { answers, rest, ended } = await exchange(
    stack.service.publicUrl,
    unfinished ? sent : sent + honest,
    { halfClose: unfinished },
  );
  expect(rest.toString('latin1'), 'what is no answer').toBe('');
  expect(ended, 'the server ends the connection').toBe(true);
  const goesOn = answers.at(-1)?.headers.get('x-request-id') === LAST;
  const own = goesOn ? answers.slice(0, -1) : [...answers];
  return { outcome: [...own.map(({ status }) => status), goesOn ? 'on' : 'end'].join(' '), answers: own };
}

const errorSchema = z.strictObject({ message: z.string(), code: z.string(), request_id: z.string() });

function expectSound({ status, headers, body }: RawAnswer): void {
  if (status === 100) return;
  expect(status).toBeLessThan(500);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('x-request-id')).not.toBeNull();
  expect(headers.get('x-injected')).toBeNull();
  if (status < 400) return;
  expect(headers.get('content-type')).toBe('application/json');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(errorSchema.parse(JSON.parse(body.toString())).request_id).toBe(headers.get('x-request-id'));
}

describe.each(Object.entries(RAW_CORPUS))('%s', (_name, cases) => {
  test.each(cases)('$what: $outcome', async (each) => {
    const before = stack.emulator.requests.length;
    const { outcome, answers } = await run(each);
    expect(outcome).toBe(each.outcome);
    for (const answer of answers) expectSound(answer);

    const found = answers.filter(({ status }) => status === 200).length;
    const asked = stack.emulator.requests.slice(before);
    // Of several lookups of one project the first alone goes upstream.
    expect(asked.length).toBe(Math.min(found, 1));
    for (const { method, path, headers } of asked) {
      expect(method).toBe('GET');
      expect(path).toMatch(PLAIN_LOOKUP);
      expect(headers.host).toBe(new URL(stack.emulator.baseUrl).host);
    }
  });
});

test('after all that the service answers honest lookups, and nothing was logged as a fault', async () => {
  expect((await stack.lookup('complete-at-last')).status).toBe(200);
  const levels = stack
    .logs()
    .map((line) => z.looseObject({ level: z.string() }).parse(JSON.parse(line)).level);
  expect(levels.filter((level) => level === 'error' || level === 'fatal')).toEqual([]);
});
