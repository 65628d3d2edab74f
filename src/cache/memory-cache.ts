import { LRUCache } from 'lru-cache';
import type { Answer } from '../lookup/answer.ts';
import type { Clock, HeldAnswer, MemoryCache } from '../lookup/ports.ts';
import type { Kind } from '../lookup/project.ts';

/**
 * Bytes that an entry takes beside its body: key, answer object, ETag, download ends and the LRU's own arrays. Measured
 * with Node 24 for bodies of 730 bytes: some 570. On the high side, so that the bound holds for the process, too.
 */
const ENTRY_OVERHEAD_BYTES = 900;

export interface MemoryTier extends MemoryCache {
  /** Bytes held by this tier's own count. */
  readonly bytes: number;
  readonly entries: number;
}

/**
 * The in-process tier: least recently used out first, bounded in bytes.
 *
 * @param trustMs for how long a copy is served without asking the shared tier; `Infinity` where there is none.
 */
export function createMemoryCache(options: {
  readonly maxBytes: number;
  readonly trustMs: number;
  readonly clock: Clock;
}): MemoryTier {
  const { maxBytes, trustMs, clock } = options;
  const held =
    maxBytes === 0
      ? undefined
      : new LRUCache<string, HeldAnswer>({
          maxSize: maxBytes,
          sizeCalculation: ({ answer }) => sizeOf(answer),
        });
  return {
    read: (kind, id) => held?.get(keyOf(kind, id)),
    write(kind, id, answer) {
      const trustedUntilMs = Math.min(answer.freshUntilMs, clock.now() + trustMs);
      held?.set(keyOf(kind, id), { answer, trustedUntilMs });
    },
    remove: (kind, id) => void held?.delete(keyOf(kind, id)),
    get bytes() {
      return held?.calculatedSize ?? 0;
    },
    get entries() {
      return held?.size ?? 0;
    },
  };
}

function keyOf(kind: Kind, id: string): string {
  return `${kind}/${id}`;
}

function sizeOf(answer: Answer): number {
  return ENTRY_OVERHEAD_BYTES + (answer.found ? answer.body.length : 0);
}
