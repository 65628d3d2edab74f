import { createEventParser } from './event-parser.ts';
import { backOffMs, pause } from './pause.ts';
import { createTimeout, type Timeout } from './timeout.ts';
import type { AudioProject, ImageProject, VideoProject } from './types.ts';
import { WatchError } from './watch-error.ts';

interface Projects {
  image: ImageProject;
  video: VideoProject;
  audio: AudioProject;
}
export type Kind = keyof Projects;
export type Project<K extends Kind = Kind> = Projects[K];

export interface WatchOptions<K extends Kind = 'image'> {
  /** Is told the present state and then each change, never the same one twice. What it throws ends the watch. */
  readonly onStatus?: (project: Project<K>) => void;
  /** Ends the watch. */
  readonly signal?: AbortSignal | undefined;
  /** Default: `image`. */
  readonly kind?: K;
  /** Where the service is, such as `https://images.example.com`. Default: where the page is from. */
  readonly baseUrl?: string;
  /** The user's token, or what gets one; asked again for each connection, since tokens end. */
  readonly token?: string | (() => string | Promise<string>);
  /** Whether the page's user has a session with the service, by its cookie, in place of a token. */
  readonly session?: boolean;
}

/** Longer than two heartbeats: a stream on which nothing comes for so long is dead. */
const SILENCE_MS = 40_000;
/** A stream has something to say at once; a proxy that holds even that back lets no stream through. */
const FIRST_WORD_MS = 10_000;
const WAIT_SECONDS = 30;
/** Between two requests that both were answered, and brought no end: a service that stops answers at once. */
const LEAST_MS = 1000;
/** A wait that is answered later than this is not answered any more. */
const WAIT_SLACK_MS = 15_000;
const OVER = ['complete', 'error', 'canceled'];
/** What the same request will not mend. */
const FINAL = [400, 401, 402, 403, 404, 405, 410];

/**
 * Follows a project until it is over: by a stream of events, or by lookups that wait where streams don't get through. Comes
 * back by itself after a loss of the network, a sleep of the machine or a restart of the service.
 *
 * @returns the project in its last state
 * @throws WatchError where the service refuses for good: no such project, no right to see it, no valid token
 * @throws what the signal was aborted with, and what `onStatus` or `token` throws
 */
export async function watchProject<K extends Kind = 'image'>(
  id: string,
  options: WatchOptions<K> = {},
): Promise<Project<K>> {
  const { onStatus, signal, kind = 'image', baseUrl = '', token, session = false } = options;
  const url = `${baseUrl.replace(/\/$/, '')}/v1/${kind}-projects/${encodeURIComponent(id)}`;
  let latest: { project: Project<K>; text: string } | undefined;
  let lastEventId = '';
  let etag = '';
  let streams = true;
  let failures = 0;
  let refusals = 0;
  let comeBackMs = 0;

  const isOver = () => latest !== undefined && OVER.includes(latest.project.status);

  function hear(text: string): void {
    if (text === latest?.text) return;
    signal?.throwIfAborted();
    const project: unknown = JSON.parse(text);
    if (!isProject<K>(project)) throw new TypeError('this is no project');
    latest = { project, text };
    try {
      onStatus?.(latest.project);
    } catch (error) {
      throw new Thrown(error);
    }
  }

  async function ask(
    path: string,
    headers: Record<string, string>,
    timeout: Timeout,
    withinMs: number,
  ): Promise<Response> {
    const bearer = typeof token === 'function' ? await getToken(token, timeout.signal) : token;
    if (bearer !== undefined) headers.Authorization = `Bearer ${bearer}`;
    if (session) headers['X-CSRF'] = '1';
    timeout.in(withinMs);
    const credentials = session ? 'include' : 'same-origin';
    const response = await fetch(url + path, {
      headers,
      credentials,
      signal: timeout.signal,
      cache: 'no-store',
    });
    if (response.ok || response.status === 304) refusals = 0;
    return response;
  }

  async function refuse(response: Response): Promise<never> {
    const { status } = response;
    const body = await response.json().catch(() => ({}));
    comeBackMs = Math.max(comeBackMs, 1000 * (Number(response.headers.get('Retry-After')) || 0));
    // The next token may be a fresh one.
    refusals = status === 401 ? refusals + 1 : 0;
    if (FINAL.includes(status) && refusals !== 1) throw new Thrown(new WatchError(status, body));
    throw new WatchError(status, body);
  }

  async function stream(timeout: Timeout): Promise<void> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (lastEventId !== '') headers['Last-Event-ID'] = lastEventId;
    let spoke = false;
    try {
      const response = await ask('/events', headers, timeout, FIRST_WORD_MS);
      // 204: what was the last event is the last state.
      if (response.status === 204 && isOver()) return;
      const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream');
      // A service or a proxy that knows no streams may know the project.
      if ((response.ok && !isStream) || [404, 405, 406, 501].includes(response.status)) {
        streams = false;
        return;
      }
      if (!response.ok || response.body === null) return await refuse(response);
      const parse = createEventParser(
        ({ type, data, id: eventId }) => {
          lastEventId = eventId;
          if (type === 'status') hear(data);
        },
        (retryMs) => {
          comeBackMs = retryMs;
        },
      );
      const utf8 = new TextDecoder();
      const reader = response.body.getReader();
      while (!isOver()) {
        const { done, value } = await reader.read();
        if (done) {
          // Cut off with nothing said, again and again, is no better than no stream at all.
          if (!spoke) streams = false;
          return;
        }
        spoke = true;
        timeout.in(SILENCE_MS);
        failures = 0;
        parse(utf8.decode(value, { stream: true }));
      }
    } catch (error) {
      if (!spoke && timeout.passed) streams = false;
      throw error;
    }
  }

  async function wait(timeout: Timeout): Promise<void> {
    const askedAtMs = Date.now();
    // The present state is told at once, and only then waited for another.
    const isFirst = latest === undefined;
    const headers: Record<string, string> = isFirst ? {} : { Prefer: `wait=${WAIT_SECONDS}` };
    if (etag !== '') headers['If-None-Match'] = etag;
    const response = await ask('', headers, timeout, WAIT_SECONDS * 1000 + WAIT_SLACK_MS);
    if (response.status !== 304 && !response.ok) return refuse(response);
    if (response.ok) {
      etag = response.headers.get('ETag') ?? '';
      hear(await response.text());
    }
    failures = 0;
    // One that has waited already may be asked again at once.
    const waited = isFirst || Date.now() - askedAtMs > LEAST_MS;
    comeBackMs = waited ? 0 : Math.max(LEAST_MS, 1000 * (Number(response.headers.get('Retry-After')) || 0));
  }

  for (;;) {
    signal?.throwIfAborted();
    const timeout = createTimeout(signal);
    const streamed = streams;
    let failed = false;
    try {
      await (streams ? stream(timeout) : wait(timeout));
    } catch (error) {
      if (error instanceof Thrown) throw error.thrown;
      signal?.throwIfAborted();
      failed = true;
      failures += 1;
    } finally {
      timeout.end();
    }
    if (isOver() && latest !== undefined) return latest.project;
    if (streamed && !streams) continue;
    const leastMs = failed ? comeBackMs : Math.max(streamed ? LEAST_MS : 0, comeBackMs);
    const moreMs = failed ? backOffMs(failures) : (leastMs * Math.random()) / 2;
    await pause(leastMs + moreMs, signal, leastMs);
    comeBackMs = 0;
  }
}

/** What `token` throws is for whoever gave it, but for a TypeError: by that `fetch` tells that there is no network. */
async function getToken(token: () => string | Promise<string>, signal: AbortSignal): Promise<string> {
  try {
    return await orAborted(token(), signal);
  } catch (error) {
    if (signal.aborted || error instanceof TypeError) throw error;
    throw new Thrown(error);
  }
}

/** What a promise brings, unless the signal comes first. */
function orAborted<T>(promise: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The service insists on no more than this either: types say what else Magic Hour promises. */
function isProject<K extends Kind>(value: unknown): value is Project<K> {
  return value instanceof Object && 'id' in value && 'status' in value && typeof value.status === 'string';
}

/** Something that ends the watch, and not just an attempt. */
class Thrown {
  readonly thrown: unknown;
  constructor(thrown: unknown) {
    this.thrown = thrown;
  }
}
