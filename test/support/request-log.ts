import type { IncomingHttpHeaders } from 'node:http';

export interface RecordedRequest {
  readonly method: string;
  /** With its query, as it came. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Unix milliseconds, by the emulator's clock. */
  readonly atMs: number;
}

export const ANY_ID = '*';

const MAX_REMEMBERED = 10_000;

/** What has arrived, and who waits for it. Counts are exact; of the requests the last few thousand are remembered. */
export function createRequestLog() {
  const requests: RecordedRequest[] = [];
  const counts = new Map<string, number>();
  const waiting = new Set<{ id: string; n: number; resolve: () => void }>();

  const count = (id: string = ANY_ID) => counts.get(id) ?? 0;

  function record(request: RecordedRequest, id: string | undefined): void {
    requests.push(request);
    if (requests.length > MAX_REMEMBERED) requests.splice(0, MAX_REMEMBERED / 2);
    for (const key of id === undefined ? [ANY_ID] : [ANY_ID, id]) counts.set(key, count(key) + 1);
    for (const waiter of waiting) {
      if (count(waiter.id) < waiter.n) continue;
      waiting.delete(waiter);
      waiter.resolve();
    }
  }

  function whenRequested(id: string, n = 1): Promise<void> {
    if (count(id) >= n) return Promise.resolve();
    return new Promise((resolve) => waiting.add({ id, n, resolve }));
  }

  function clear(): void {
    requests.length = 0;
    counts.clear();
  }

  return { requests, count, record, whenRequested, clear };
}
