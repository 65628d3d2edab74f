import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Listener } from './http/listen.ts';
import type { RefusalGate } from './http/refuse-when.ts';

/** Idle connections get this long for a request that is already on its way. */
const LINGER_MS = 250;
const CLOSE_IDLE_EVERY_MS = 50;

export interface Lifecycle extends RefusalGate {
  /** Whether load balancers should send requests here. */
  readonly ready: boolean;
  started(): void;
  /**
   * unready → delay → no new connections, requests in flight are finished → done.
   *
   * @returns whether everything was finished within the grace; what was not is cut off
   */
  stop(
    listeners: ReadonlyArray<Pick<Listener, 'server' | 'closeIdle'>>,
    times: { readonly delayMs: number; readonly graceMs: number },
  ): Promise<boolean>;
}

export function createLifecycle(): Lifecycle {
  let stage: 'starting' | 'running' | 'leaving' | 'lingering' | 'closed' = 'starting';
  return {
    get ready() {
      return stage === 'running';
    },
    get lastResponses() {
      return stage === 'leaving' || stage === 'lingering' || stage === 'closed';
    },
    get closed() {
      return stage === 'closed';
    },
    started() {
      stage = 'running';
    },
    async stop(listeners, { delayMs, graceMs }) {
      const graceOver = new AbortController();
      const deadline = delay(graceMs, false, { signal: graceOver.signal }).catch(() => false);
      stage = 'leaving';
      const drain = async () => {
        await delay(delayMs);
        stage = 'lingering';
        const closed = listeners.map(({ server }) => stopAccepting(server));
        await delay(LINGER_MS);
        stage = 'closed';
        const idle = setInterval(() => {
          for (const listener of listeners) listener.closeIdle();
        }, CLOSE_IDLE_EVERY_MS);
        await Promise.all(closed).finally(() => clearInterval(idle));
        return true;
      };
      const finished = await Promise.race([drain(), deadline]);
      graceOver.abort();
      if (!finished) for (const { server } of listeners) server.closeAllConnections();
      return finished;
    },
  };
}

/**
 * Closes the listening socket alone. `http.Server.close` would cut idle connections at once, some of which have a
 * request on its way.
 */
function stopAccepting(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  NetServer.prototype.close.call(server, () => resolve());
  return promise;
}
