import { createRandom } from '../../test/support/random.ts';

/** Somebody who asks again and again, each time so long after the answer before, as the vendor's SDK does. */
export interface Poller {
  readonly pauseMs: number;
  /** Asks once; resolves with the answer's status. */
  ask(): Promise<number>;
}

export interface Polling {
  /** Lookups answered so far. */
  answered(): number;
  /** Aborted where anything but 200 was answered, or nothing. */
  readonly failed: AbortSignal;
  /** Resolves when no answer is outstanding. */
  stop(): Promise<void>;
}

/** Each begins at a moment of its own within its pause. */
export function startPolling(pollers: readonly Poller[]): Polling {
  const random = createRandom(1);
  const failed = new AbortController();
  const timers = new Set<NodeJS.Timeout>();
  const asking = new Set<Promise<void>>();
  let answered = 0;
  let stopped = false;

  async function ask(poller: Poller): Promise<void> {
    try {
      const status = await poller.ask();
      if (status !== 200) throw new Error(`${status} was answered under load`);
      answered += 1;
      askLater(poller, poller.pauseMs);
    } catch (error) {
      failed.abort(error);
    }
  }

  function askLater(poller: Poller, afterMs: number): void {
    if (stopped) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      const asked = ask(poller).finally(() => asking.delete(asked));
      asking.add(asked);
    }, afterMs);
    timers.add(timer);
  }

  for (const poller of pollers) askLater(poller, random(poller.pauseMs));
  return {
    answered: () => answered,
    failed: failed.signal,
    async stop() {
      stopped = true;
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(asking);
    },
  };
}
