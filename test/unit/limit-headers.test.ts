import express from 'express';
import { rateLimit } from 'express-rate-limit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLimitHeaders, type LimitHeaders } from '../../src/http/limit-headers.ts';
import { type Listener, listen } from '../../src/http/listen.ts';

let listener: Listener;
let ours: LimitHeaders | undefined;
const headersOf = createLimitHeaders('user', 90);

/** express-rate-limit with its own headers, and beside them what we make of the same count. */
beforeAll(async () => {
  const app = express();
  app.use(
    rateLimit({
      windowMs: 90_000,
      limit: 3,
      identifier: 'user',
      standardHeaders: 'draft-8',
      legacyHeaders: false,
      keyGenerator: () => 'a key',
      requestPropertyName: 'limit',
      handler: (_req, res) => void res.status(429).end(),
    }),
  );
  app.use((req, res) => {
    ours = headersOf(Reflect.get(req, 'limit'));
    res.end();
  });
  listener = await listen(app, '127.0.0.1', 0);
});
afterAll(() => listener.server.closeAllConnections());

test("a limit's headers are to the letter those of express-rate-limit", async () => {
  for (let n = 0; n < 3; n += 1) {
    const { headers } = await fetch(listener.url);
    expect([ours?.rateLimit, ours?.policy]).toEqual([
      headers.get('ratelimit'),
      headers.get('ratelimit-policy'),
    ]);
  }
});
