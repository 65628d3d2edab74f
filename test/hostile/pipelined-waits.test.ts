import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { eventually, startStack } from '../support/stack.ts';

const ENV = { CACHE_PENDING_TTL_MS: '50', WATCH_INTERVAL_MIN_MS: '50' };

test('what is asked for behind a wait holds nothing, and nothing is left of it when the connection is gone', async () => {
  const stack = await startStack({ env: ENV });
  stack.emulator.project('p1', { status: 'queued' });
  const { hostname, port } = new URL(stack.service.publicUrl);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const authorization = `Bearer ${await stack.issuer.token({ sub: 'alice' })}`;
  const ask = (path: string, prefer: string) =>
    `GET /v1/image-projects/${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nPrefer: ${prefer}\r\n\r\n`;
  socket.write(ask('p1', 'wait=60') + ask('p2', 'wait=60') + ask('p1/events', 'x') + ask('p1', 'wait=60'));
  stack.emulator.project('p2', { status: 'queued' });
  await eventually(async () => (await stack.metric('projects_watched')) === 1);
  await eventually(async () => (await stack.metric('lookups_total{kind="image",result="miss"}')) === 2);
  expect(await stack.metric('event_streams_open')).toBe(0);
  socket.destroy();
  await eventually(async () => (await stack.metric('projects_watched')) === 0);
  expect(await stack.metric('event_streams_open')).toBe(0);
});

test('what stands behind a wait is answered in its turn', async () => {
  const stack = await startStack({ env: ENV });
  stack.emulator.project('p1', { status: 'queued' });
  const { hostname, port } = new URL(stack.service.publicUrl);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  const token = await stack.issuer.token({ sub: 'alice' });
  const ask = (path: string, prefer: string) =>
    `GET /v1/image-projects/${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nPrefer: ${prefer}\r\n\r\n`;
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(ask('p1', 'wait=60') + ask('p1/events', 'x') + ask('p1', 'wait=60'));
  await eventually(async () => (await stack.metric('projects_watched')) === 1);
  stack.emulator.project('p1', { status: 'complete' });
  await eventually(() => text.split('HTTP/1.1 ').length === 4);
  const answers = text.split('HTTP/1.1 ').slice(1);
  expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['200', '400', '200']);
  expect(answers[0]).toContain('"status":"complete"');
});
