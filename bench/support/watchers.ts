import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { lookupRequest } from './requests.ts';
import { createResponseReader } from './response-reader.ts';

export interface Watched {
  readonly id: string;
  /** Of the replicas, which the watchers are spread over. */
  readonly urls: readonly string[];
  readonly tokens: readonly string[];
  readonly watchers: number;
  readonly signal: AbortSignal;
}

/** Somebody who looks again and again, over a connection that stays open. */
interface Watcher {
  /** @returns how long the answer took, in milliseconds */
  look(): Promise<number>;
  leave(): void;
}

/**
 * Has all of them look, and each again so long after its last answer, as Magic Hour's SDK does, until the time is over.
 *
 * @returns what each look took, in milliseconds, ascending
 * @throws Error where anything but 200 was answered
 */
export async function watch(
  watched: Watched,
  { everyMs, seconds }: { readonly everyMs: number; readonly seconds: number },
): Promise<Float64Array> {
  const { watchers, signal } = watched;
  const all = await openAll(watched);
  const tookMs: number[] = [];
  const endsAtMs = performance.now() + seconds * 1000;
  const follow = async (watcher: Watcher, n: number) => {
    // They came at different times.
    await sleep((everyMs * n) / watchers);
    while (performance.now() < endsAtMs) {
      signal.throwIfAborted();
      tookMs.push(await watcher.look());
      await sleep(everyMs);
    }
  };
  try {
    await Promise.all(all.map(follow));
  } finally {
    for (const watcher of all) watcher.leave();
  }
  return Float64Array.from(tookMs).sort();
}

/** Has all of them look once, at the same moment. @returns what that took, in milliseconds, ascending */
export async function stampede(watched: Watched, ready: () => Promise<void>): Promise<Float64Array> {
  const all = await openAll(watched);
  try {
    await ready();
    return Float64Array.from(await Promise.all(all.map((watcher) => watcher.look()))).sort();
  } finally {
    for (const watcher of all) watcher.leave();
  }
}

function openAll({ id, urls, tokens, watchers }: Watched): Promise<Watcher[]> {
  return Promise.all(
    Array.from({ length: watchers }, (_, n) => {
      const url = urls[n % urls.length] ?? '';
      return openWatcher(url, lookupRequest(url, id, tokens[n % tokens.length] ?? ''));
    }),
  );
}

async function openWatcher(url: string, request: Buffer): Promise<Watcher> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let answered = Promise.withResolvers<number>();
  const fail = (error: Error) => answered.reject(error);
  const read = createResponseReader((status) => {
    if (status === 200) answered.resolve(performance.now());
    else fail(new Error(`${status} was answered to a watcher`));
  });
  socket.on('data', read);
  socket.on('error', fail);
  socket.on('end', () => fail(new Error('a connection was closed under a watcher')));
  return {
    async look() {
      answered = Promise.withResolvers();
      const beganMs = performance.now();
      socket.write(request);
      return (await answered.promise) - beganMs;
    },
    leave() {
      answered.promise.catch(() => undefined);
      socket.destroy();
    },
  };
}
