import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Listener } from './http/listen.ts';
import { draining, type RefusalGate } from './http/refusal-gate.ts';

/**
 * Listening ends once no new connection came for so long: the kernel resets those that were made and not taken yet. Answers
 * wait meanwhile, since clients that have theirs come back at once.
 */
const NO_CONNECTION_FOR_MS = 50;
/**
 * Kept connections are closed once no request came on any of them for so long: one may be on its way. The more there are, the
 * likelier it is that one of their clients was only slow to come back.
 */
const NO_REQUEST_FOR_MS = 250;
const AND_FOR_EACH_CONNECTION_MS = 5;
const MAX_NO_REQUEST_FOR_MS = 1000;
/** Where they never cease to come, this is how long each of the two may take. */
const MAX_WAIT_MS = 2000;
const CLOSE_IDLE_EVERY_MS = 50;
/** So long before the grace is over (or a quarter of it) those who still wait are told so, and have time to hear it. */
const LAST_CALL_MS = 1000;

export interface Lifecycle extends RefusalGate {
  /** Whether load balancers should send requests here. */
  readonly ready: boolean;
  started(): void;
  /** What is under way goes on; where it would outlast the grace of a stop, its caller is told that it is too late. */
  answerInTime<T>(work: Promise<T>): Promise<T>;
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
  let stage: 'starting' | 'running' | 'leaving' | 'holding' | 'lingering' | 'closed' = 'starting';
  let hold: PromiseWithResolvers<void> | undefined;
  const waiting = new Set<(late: Error) => void>();

  function release(next: 'lingering' | 'closed'): void {
    stage = next;
    hold?.resolve();
    hold = undefined;
  }

  async function drain(
    listeners: ReadonlyArray<Pick<Listener, 'server' | 'closeIdle'>>,
    delayMs: number,
    lastCall: AbortSignal,
  ): Promise<true> {
    const whenQuiet = (event: 'connection' | 'request', quietMs: number) =>
      Promise.all(listeners.map(({ server }) => whenNoMore(event, server, quietMs, lastCall)));
    await delay(delayMs);
    stage = 'holding';
    hold = Promise.withResolvers();
    await whenQuiet('connection', NO_CONNECTION_FOR_MS);
    const closed = listeners.map(({ server }) => stopAccepting(server));
    release('lingering');
    const open = await Promise.all(listeners.map(({ server }) => countConnections(server)));
    const patienceMs = NO_REQUEST_FOR_MS + Math.max(0, ...open) * AND_FOR_EACH_CONNECTION_MS;
    await whenQuiet('request', Math.min(patienceMs, MAX_NO_REQUEST_FOR_MS));
    stage = 'closed';
    const idle = setInterval(async () => {
      // A timer that is late comes before what arrived meanwhile is read: a connection may only look idle.
      await nextTurn();
      for (const listener of listeners) listener.closeIdle();
    }, CLOSE_IDLE_EVERY_MS);
    await Promise.all(closed).finally(() => clearInterval(idle));
    return true;
  }

  return {
    get ready() {
      return stage === 'running';
    },
    get lastResponses() {
      return stage === 'leaving' || stage === 'lingering' || stage === 'closed';
    },
    get held() {
      return hold?.promise;
    },
    get closed() {
      return stage === 'closed';
    },
    started() {
      stage = 'running';
    },
    answerInTime<T>(work: Promise<T>) {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      waiting.add(reject);
      work.then(resolve, reject).finally(() => waiting.delete(reject));
      return promise;
    },
    async stop(listeners, { delayMs, graceMs }) {
      const over = new AbortController();
      const lastCall = new AbortController();
      stage = 'leaving';
      const sooner = Math.min(LAST_CALL_MS, graceMs / 4);
      const deadline = async () => {
        await delay(graceMs - sooner, undefined, over);
        lastCall.abort();
        release('closed');
        for (const reject of waiting) reject(draining());
        await delay(sooner, undefined, over);
        return false;
      };
      const finished = await Promise.race([drain(listeners, delayMs, lastCall.signal), deadline()]);
      over.abort();
      if (!finished) for (const { server } of listeners) server.closeAllConnections();
      return finished;
    },
  };
}

async function countConnections(server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  server.getConnections((_error, count = 0) => resolve(count));
  return promise;
}

/**
 * Resolves once none came for a while, in a turn of the event loop in which none waits. (Node takes one connection in each
 * turn, so that behind a slow turn many may wait; and a timer that is late comes before what arrived meanwhile is read.)
 */
async function whenNoMore(
  event: 'connection' | 'request',
  server: Server,
  quietMs: number,
  giveUp: AbortSignal,
): Promise<void> {
  const latestMs = performance.now() + MAX_WAIT_MS;
  let came = 0;
  const count = () => {
    came += 1;
  };
  server.on(event, count);
  for (let before = -1; came !== before && !giveUp.aborted && performance.now() < latestMs; ) {
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
