import { expect, onTestFinished, test } from 'vitest';
import { type EventReader, openEvents } from '../support/event-reader.ts';
import { startHaProxy } from '../support/haproxy.ts';
import { startNginx } from '../support/nginx.ts';
import { eventually, type Stack, startStack } from '../support/stack.ts';

const ENV = { CACHE_PENDING_TTL_MS: '50', WATCH_INTERVAL_MIN_MS: '50' };
const PROXIES = {
  HAProxy: (publicPort: number, opsPort: number) => startHaProxy([{ publicPort, opsPort }]),
  nginx: (publicPort: number) => startNginx(publicPort),
};
const portOf = (url: string) => Number(new URL(url).port);
const answers = (url: string) =>
  fetch(`${url}/openapi.json`).then(
    ({ status }) => status === 200,
    () => false,
  );

async function follow(stack: Stack, url: string): Promise<EventReader> {
  const authorization = `Bearer ${await stack.issuer.token({ sub: 'alice' })}`;
  return openEvents(`${url}/v1/image-projects/p1/events`, { authorization });
}

test.each(['HAProxy', 'nginx'] as const)(
  'each event comes through %s at once, and leaving goes through as well',
  async (name) => {
    const stack = await startStack({ env: ENV });
    const proxy = await PROXIES[name](portOf(stack.service.publicUrl), portOf(stack.service.opsUrl));
    onTestFinished(proxy.stop);
    await eventually(() => answers(proxy.url), 20_000);
    stack.emulator.project('p1', { status: 'queued' });
    const [stream, leaving] = [await follow(stack, proxy.url), await follow(stack, proxy.url)];
    // Each is waited for before the next is made, so that one which is held back is never seen.
    expect((await stream.event(0)).data).toContain('"queued"');
    await leaving.event(0);
    leaving.leave();
    stack.emulator.project('p1', { status: 'rendering' });
    expect((await stream.event(1)).data).toContain('"rendering"');
    // HAProxy takes notice when what it passes on is not taken.
    let changes = 0;
    await eventually(async () => {
      changes += 1;
      stack.emulator.project('p1', { status: 'rendering', fields: { name: `Change ${changes}` } });
      return (await stack.metric('event_streams_open')) === 1;
    });
    stack.emulator.project('p1', { status: 'complete' });
    await stream.ended;
    expect(stream.events.at(-1)?.data).toContain('"complete"');
  },
);
