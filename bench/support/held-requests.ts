import { Agent, get } from 'node:http';
import { hangingId } from './upstream-stub.ts';

export interface HeldRequests extends Disposable {
  /** Requests refused so far, each of which was made again. */
  refused(): number;
}

/** As the service itself says on a 503 that tells of a queue that is full. */
const ASK_AGAIN_AFTER_MS = 1000;

/**
 * Callers of projects that the upstream leaves hanging; one that is refused asks again after a while.
 *
 * @param name is in every id, so that no project is one that was answered before
 */
export function holdRequests(url: string, token: string, count: number, name: string): HeldRequests {
  const agent = new Agent({ keepAlive: true });
  const timers = new Set<NodeJS.Timeout>();
  let over = false;
  let refused = 0;

  function ask(n: number): void {
    const request = get(
      `${url}/v1/image-projects/${hangingId(`${name}-${n}`)}`,
      { agent, headers: { authorization: `Bearer ${token}` } },
      (response) => {
        response.resume();
        if (over) return;
        refused += 1;
        const timer = setTimeout(() => {
          timers.delete(timer);
          ask(n);
        }, ASK_AGAIN_AFTER_MS);
        timers.add(timer);
      },
    );
    request.on('error', () => undefined);
  }

  for (let n = 0; n < count; n += 1) ask(n);
  return {
    refused: () => refused,
    [Symbol.dispose]() {
      over = true;
      for (const timer of timers) clearTimeout(timer);
      agent.destroy();
    },
  };
}
