import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { onTestFinished } from 'vitest';

/** An open stream of events, read by a parser that is not ours. */
export interface EventReader {
  readonly response: IncomingMessage;
  /** All so far. */
  readonly events: readonly EventSourceMessage[];
  readonly comments: readonly string[];
  /** What `retry:` said last. */
  readonly retryMs: () => number | undefined;
  /** The bytes so far. */
  readonly text: () => string;
  /** Resolves with the event at a place, counted from 0, once it is there; rejects where the stream ends without it. */
  event(at: number): Promise<EventSourceMessage>;
  /** Resolves once the server has ended the stream; rejects where it was broken off. */
  readonly ended: Promise<void>;
  leave(): void;
}

/** @param headers `authorization` among them */
export async function openEvents(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<EventReader> {
  const request = get(url, { headers: { ...headers }, agent: false });
  onTestFinished(() => void request.destroy());
  const [response]: [IncomingMessage] = await once(request, 'response').then(([first]) => [first]);
  const events: EventSourceMessage[] = [];
  const comments: string[] = [];
  const waiting = new Set<() => void>();
  let retryMs: number | undefined;
  let text = '';
  let over = false;
  const parser = createParser({
    onEvent: (event) => void events.push(event),
    onComment: (comment) => void comments.push(comment),
    onRetry: (ms) => {
      retryMs = ms;
    },
    onError(error) {
      throw error;
    },
  });
  const tell = () => {
    for (const look of waiting) look();
  };
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    parser.feed(chunk);
    tell();
  });
  const ended = once(response, 'end').then(() => undefined);
  ended.catch(() => undefined);
  response.once('close', () => {
    over = true;
    tell();
  });
  response.on('error', () => undefined);
  return {
    response,
    events,
    comments,
    retryMs: () => retryMs,
    text: () => text,
    event(at) {
      const { promise, resolve, reject } = Promise.withResolvers<EventSourceMessage>();
      const look = () => {
        const event = events[at];
        if (event !== undefined) resolve(event);
        else if (over) reject(new Error(`the stream ended after ${events.length} events: ${text}`));
      };
      waiting.add(look);
      look();
      return promise.finally(() => waiting.delete(look));
    },
    ended,
    leave: () => void request.destroy(),
  };
}
