import { expect } from 'vitest';
import { type RawUpstream, rawResponse, startRawUpstream } from './raw-upstream.ts';
import { openStack, type Stack } from './stack.ts';
import { ANSWERED_ID, body, MAX_ANSWER_BYTES, type Respond } from './upstream-answers.ts';

/** A service whose upstream answers one request after another by whatever bytes a test says. */
export interface Answering {
  readonly stack: Stack;
  readonly upstream: RawUpstream;
  respondWith(answer: string | Uint8Array | Respond): void;
  /** Purges what is kept of a project. */
  forget(id?: string): Promise<unknown>;
  /** Asks again, and expects a good answer of now: nothing of what came before was kept. */
  expectGoodNext(): Promise<void>;
  stop(): Promise<void>;
}

export async function startAnswering(): Promise<Answering> {
  const upstream = await startRawUpstream();
  const stack = await openStack({
    env: {
      MAGIC_HOUR_BASE_URL: upstream.baseUrl,
      UPSTREAM_TIMEOUT_MS: '1000',
      UPSTREAM_DEADLINE_MS: '2000',
      UPSTREAM_RETRIES: '0',
      UPSTREAM_MAX_RESPONSE_BYTES: String(MAX_ANSWER_BYTES),
      RATE_LIMIT_MAX: '100000',
    },
  });

  function respondWith(answer: string | Uint8Array | Respond): void {
    upstream.respondWith(typeof answer === 'function' ? answer : (socket) => socket.write(answer));
  }

  const forget = (id = ANSWERED_ID) => stack.ops.request(`/cache/image-projects/${id}`, { method: 'DELETE' });

  return {
    stack,
    upstream,
    respondWith,
    forget,
    async expectGoodNext() {
      const good = body({ name: 'good' });
      respondWith(rawResponse(good));
      const next = await stack.lookup(ANSWERED_ID);
      expect(next.status).toBe(200);
      expect(next.body.toString()).toBe(good);
      expect(next.headers.get('cache-status')).toContain('fwd=uri-miss');
      await forget();
    },
    async stop() {
      await stack.stop();
      await upstream.close();
    },
  };
}
