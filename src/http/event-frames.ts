import { createEventBuffer } from 'better-sse';
import type { FoundAnswer } from '../lookup/answer.ts';

/**
 * Event streams in the form of https://html.spec.whatwg.org/multipage/server-sent-events.html. A string holds one byte in each
 * character (`latin1`), as an answer's body does; what is not the body is ASCII.
 */
const buffer = () =>
  createEventBuffer({
    serializer: String,
    // One line each: in JSON an end of a line is white space. The space in front is customary, and no part of the value.
    sanitizer: (text) => ` ${text.replace(/[\r\n]+/g, ' ')}`,
  });

/** A comment, which keeps proxies on the way from taking the connection for dead. */
export const HEARTBEAT = buffer().comment('heartbeat').dispatch().read();

/** How a state is named, so that a client can say which one it saw last. */
export function eventIdOf({ etag }: FoundAnswer): string {
  return etag.slice(1, -1);
}

/** After how long the client shall come back. */
export function retryFrame(retryMs: number): string {
  return buffer().retry(retryMs).dispatch().read();
}

const frames = new WeakMap<FoundAnswer, string>();

/** A state of a project; made once for all who are sent it. */
export function statusFrame(answer: FoundAnswer): string {
  const made = frames.get(answer) ?? buffer().push(answer.body, 'status', eventIdOf(answer)).read();
  frames.set(answer, made);
  return made;
}
