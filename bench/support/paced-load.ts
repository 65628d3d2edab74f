/**
 * Load at times of our own choosing, which wrk doesn't have: it sends when the answer before has come, so that while a
 * server stands still nobody asks it, and nobody's waiting is measured (coordinated omission); its `delay()` starts
 * from that answer, too. Here each request has a time at which it is due, whatever became of those before it, and
 * its latency counts from then: with what it waited for a connection, and with what this program itself was late.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createRandom } from '../../test/support/random.ts';
import { createResponseReader } from './response-reader.ts';
import { CONNECTIONS } from './wrk.ts';

/** For the last answers, after all was sent. */
const PATIENCE_MS = 10_000;
const RANDOM_STEPS = 1_000_000;

export interface PacedLoad {
  readonly url: string;
  /** The n-th request, whole. */
  readonly request: (n: number) => Buffer;
  /** Of each request, in milliseconds from the first moment; ascending. */
  readonly dueMs: Float64Array;
  readonly signal: AbortSignal;
}

export interface PacedResult {
  /** From when a request was due to the end of its answer; ascending. */
  readonly latenciesMs: Float64Array;
  /** How late those were sent that had not to wait for a connection: this program's own fault; ascending. */
  readonly latenessMs: Float64Array;
}

/** Requests by many who know nothing of each other (a Poisson process); the same times at each call. */
export function independentArrivals(ratePerSecond: number, seconds: number): Float64Array {
  const random = createRandom(1);
  let atMs = 0;
  return new Float64Array(Math.round(ratePerSecond * seconds)).map(() => {
    atMs -= (Math.log(1 - random(RANDOM_STEPS) / RANDOM_STEPS) * 1000) / ratePerSecond;
    return atMs;
  });
}

/** All due at once, so that they are sent as fast as they are answered. */
export const noPause = (requests: number): Float64Array => new Float64Array(requests);

/**
 * Sends over as many connections as wrk's load has, one request on each at a time.
 *
 * @throws Error where anything but 200 was answered, or nothing
 */
export async function sendPaced({ url, request, dueMs, signal }: PacedLoad): Promise<PacedResult> {
  const latenciesMs = new Float64Array(dueMs.length);
  const lateness: number[] = [];
  const free: Array<(n: number) => void> = [];
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(new URL(url))));
  let answered = 0;
  let failure: unknown;
  let beganMs = 0;
  for (const socket of sockets) {
    let ownDueMs = 0;
    const send = (n: number) => {
      ownDueMs = dueMs[n] ?? 0;
      socket.write(request(n));
    };
    const read = createResponseReader((status) => {
      if (status !== 200) failure ??= new Error(`${status} was answered under load`);
      latenciesMs[answered] = performance.now() - beganMs - ownDueMs;
      answered += 1;
      free.push(send);
    });
    socket.on('data', read);
    socket.on('error', (error) => {
      failure ??= error;
    });
    socket.on('end', () => {
      failure ??= new Error('a connection was closed under load');
    });
    free.push(send);
  }

  try {
    let sent = 0;
    let hadFree = true;
    let lastSentMs = performance.now();
    beganMs = performance.now();
    // It never sleeps, since a timer of Node's is a millisecond late.
    while (answered < dueMs.length) {
      const nowMs = performance.now() - beganMs;
      while (sent < dueMs.length && (dueMs[sent] ?? 0) <= nowMs) {
        // In turns, since a server closes what is idle for some seconds.
        const send = free.shift();
        if (send === undefined) break;
        if (hadFree) lateness.push(nowMs - (dueMs[sent] ?? 0));
        send(sent);
        sent += 1;
        lastSentMs = nowMs;
      }
      hadFree = free.length > 0;
      await nextTurn();
      if (failure !== undefined) throw failure;
      if (sent === dueMs.length && nowMs - lastSentMs > PATIENCE_MS) throw new Error('answers are missing');
      signal.throwIfAborted();
    }
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  return { latenciesMs: latenciesMs.sort(), latenessMs: Float64Array.from(lateness).sort() };
}

async function open({ hostname, port }: URL): Promise<Socket> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** @param sorted ascending */
export function percentile(sorted: Float64Array, percent: number): number {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}
