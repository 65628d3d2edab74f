import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PUBLIC_ROUTES } from '../../src/app.ts';
import { OPS_ROUTES } from '../../src/ops-app.ts';
import { exchange, type RawAnswer } from '../support/raw-http.ts';
import { openStack, type Stack } from '../support/stack.ts';

const REQUEST_ID = 'the-same-for-all';
const METHODS = ['GET', 'DELETE', 'POST', 'OPTIONS'];

let stack: Stack;
beforeAll(async () => {
  stack = await openStack({});
});
afterAll(() => stack.stop());

type ListenerName = 'public' | 'ops';

const urlOf = (listener: ListenerName) =>
  listener === 'public' ? stack.service.publicUrl : stack.service.opsUrl;
const portOf = (listener: ListenerName) => new URL(urlOf(listener)).port;

/** All of an answer but when it was made. */
async function ask(listener: ListenerName, startLine: string, host = 'bff.example') {
  const lines = [startLine, `Host: ${host}`, `X-Request-Id: ${REQUEST_ID}`, 'Connection: close'];
  const { answers } = await exchange(urlOf(listener), `${lines.join('\r\n')}\r\n\r\n`);
  expect(answers).toHaveLength(1);
  return answers.map(describeAnswer)[0];
}

function describeAnswer({ status, headers, body }: RawAnswer) {
  const { date: _, ...others } = Object.fromEntries(headers);
  return { status, headers: others, body: body.toString() };
}

const opsPaths = OPS_ROUTES.map((path) => path.replace(':id', 'complete-1'));
const publicPaths = [...PUBLIC_ROUTES, '/v1/image-projects/complete-1'];

/** Ways to ask one listener that name the other, or this machine. */
function detours(path: string, other: ListenerName): Array<[startLine: string, host: string]> {
  const port = portOf(other);
  return [
    [`GET ${path} HTTP/1.1`, `127.0.0.1:${port}`],
    [`GET ${path} HTTP/1.1`, 'localhost'],
    [`GET http://127.0.0.1:${port}${path} HTTP/1.1`, `127.0.0.1:${port}`],
    [`GET http://localhost:${port}${path} HTTP/1.1`, 'bff.example'],
    [`GET http://user@127.0.0.1:${port}${path} HTTP/1.1`, 'bff.example'],
    [`GET https://[::1]:${port}${path} HTTP/1.1`, 'bff.example'],
    [`GET ${path}?port=${port} HTTP/1.0`, `127.0.0.1:${port}`],
  ];
}

describe.each<[ListenerName, ListenerName, readonly string[]]>([
  ['public', 'ops', opsPaths],
  ['ops', 'public', publicPaths],
])('on the %s listener', (listener, other, paths) => {
  test.each(paths)(`%s of the ${other} one is as unknown as any other path`, async (path) => {
    for (const method of METHODS) {
      const unknown = await ask(listener, `${method} /no-such-route HTTP/1.1`);
      expect(unknown?.status).toBe(404);
      expect(await ask(listener, `${method} ${path} HTTP/1.1`)).toEqual(unknown);
    }
  });

  test.each(paths)(`%s of the ${other} one is not reached by naming that one`, async (path) => {
    const unknown = await ask(listener, 'GET /no-such-route HTTP/1.1');
    for (const [startLine, host] of detours(path, other)) {
      expect([startLine, await ask(listener, startLine, host)]).toEqual([startLine, unknown]);
    }
  });
});

test('each listener has what it is for, so that the other one is what is tried above', async () => {
  for (const path of opsPaths) expect((await ask('ops', `GET ${path} HTTP/1.1`))?.status).not.toBe(404);
  for (const path of publicPaths) expect((await ask('public', `GET ${path} HTTP/1.1`))?.status).not.toBe(404);
  expect(stack.emulator.count()).toBe(0);
});
