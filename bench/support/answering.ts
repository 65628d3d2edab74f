import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 5;
const START_TIMEOUT_MS = 20_000;

/**
 * Resolves when the URL answers 200. A process can't be asked to tell when that will be, so it is asked every 5 ms.
 *
 * @param until gives up early, for instance when the process has gone
 */
export async function answering(url: string, until: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([until, AbortSignal.timeout(START_TIMEOUT_MS)]);
  for (;;) {
    const response = await fetch(url, { signal }).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    signal.throwIfAborted();
    await sleep(POLL_MS, undefined, { signal });
  }
}
