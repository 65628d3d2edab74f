import { once } from 'node:events';
import { get } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { newExpress } from '../../src/app.ts';
import { createPrincipal } from '../../src/auth/principal.ts';
import { listen } from '../../src/http/listen.ts';
import { createOpenStreams } from '../../src/http/open-streams.ts';
import type { Handler } from '../../src/http/request-context.ts';
import { serveEvents } from '../../src/http/serve-events.ts';
import { NOW_MS } from '../support/builders.ts';

const never = () => {
  throw new Error('reached for a caller who is gone');
};

test('a user has so many places, and gets each back once', () => {
  const streams = createOpenStreams(2);
  const [first] = [streams.enter('alice'), streams.enter('alice')];
  expect(() => streams.enter('alice')).toThrow('Too many requests');
  streams.enter('bob');
  expect(streams.count).toBe(3);
  first?.();
  first?.();
  expect(streams.count).toBe(2);
  streams.enter('alice');
  expect(() => streams.enter('alice')).toThrow('Too many requests');
});

test('a caller who is gone before a place is taken takes none', async () => {
  const streams = createOpenStreams(1);
  const principal = createPrincipal({
    issuer: 'i',
    subject: 'alice',
    tenant: undefined,
    scopes: [],
    expiresAtMs: NOW_MS,
  });
  const served = Promise.withResolvers<void>();
  const app = newExpress([]);
  /** What is decided before took too long. */
  const tooLate: Handler = (_req, res, next) => {
    res.locals.lookup = { id: 'p1', minValidSeconds: undefined, waitSeconds: undefined };
    res.locals.principal = principal;
    res.once('close', () => next());
  };
  const events = serveEvents('image', {
    lookup: { find: never },
    watcher: { follow: never },
    streams,
    clock: { now: () => NOW_MS },
  });
  app.use(tooLate, async (req, res, next) => {
    await events(req, res, next);
    served.resolve();
  });
  const listener = await listen(app, '127.0.0.1', 0);
  onTestFinished(() => listener.server.closeAllConnections());
  const request = get(listener.url, { agent: false });
  request.on('error', () => undefined);
  await once(listener.server, 'request');
  request.destroy();
  await served.promise;
  expect(streams.count).toBe(0);
});
