import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Listener } from './http/listen.ts';
import type { RefusalGate } from './http/refuse-when.ts';

/**
 * Listening ends once no new connection came for so long: the kernel resets those that were made and not taken yet. Answers
 * wait meanwhile, since clients that have theirs come back at once.
 */
const NO_CONNECTION_FOR_MS = 50;
/** Kept connections are closed once no request came on any of them for so long: one may be on its way. */
const NO_REQUEST_FOR_MS = 250;
/** Where they never cease to come, this is how long each of the two may take. */
const MAX_WAIT_MS = 2000;
const CLOSE_IDLE_EVERY_MS = 50;

export interface Lifecycle extends RefusalGate {
  /** Whether load balancers should send requests here. */
  readonly ready: boolean;
  started(): void;
  /**
   * unready → delay → no new connections, requests in flight are finished → done. Until there are no new connections,
   * answers are held back for a moment.
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
  let held: Promise<void> | undefined;
  return {
    get ready() {
      return stage === 'running';
    },
    get lastResponses() {
      return stage === 'leaving' || stage === 'lingering' || stage === 'closed';
    },
    get held() {
      return held;
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
        const hold = Promise.withResolvers<void>();
        held = hold.promise;
        await Promise.all(
          listeners.map(({ server }) => whenNoMore('connection', server, NO_CONNECTION_FOR_MS)),
        );
        const closed = listeners.map(({ server }) => stopAccepting(server));
        held = undefined;
        hold.resolve();
        await Promise.all(listeners.map(({ server }) => whenNoMore('request', server, NO_REQUEST_FOR_MS)));
        stage = 'closed';
        const idle = setInterval(async () => {
          // A timer that is late comes before what arrived meanwhile is read: a connection may only look idle.
          await nextTurn();
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
 * Resolves once none came for a while, in a turn of the event loop in which none waits. (Node takes one connection in each
 * turn, so that behind a slow turn many may wait; and a timer that is late comes before what arrived meanwhile is read.)
 */
async function whenNoMore(event: 'connection' | 'request', server: Server, quietMs: number): Promise<void> {
  const latestMs = performance.now() + MAX_WAIT_MS;
  let came = 0;
  const count = () => {
    came += 1;
  };
  server.on(event, count);
  for (let before = -1; came !== before && performance.now() < latestMs; ) {
    before = came;
    await delay(quietMs);
    await nextTurn();
  }
  server.off(event, count);
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
