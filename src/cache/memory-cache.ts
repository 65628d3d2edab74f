import type { Clock, MemoryCache } from '../lookup/ports.ts';
import { createAnswerRecords, unitsOf } from './answer-record.ts';
import { createIdHash, createIdIndex, indexBytes, slotsFor } from './id-index.ts';
import { createRecordRing, UNIT_BYTES } from './record-ring.ts';

export interface MemoryTier extends MemoryCache {
  /** Bytes that the answers held take, with all that is kept beside their bodies. */
  readonly bytes: number;
  readonly entries: number;
}

/**
 * The in-process tier. What was not used for the longest time goes first (see `RecordRing`); all that it takes of the
 * process's memory is bounded in bytes and taken from the system once, which hands the pages out when they are first written.
 *
 * @param trustMs for how long a copy is served without asking the shared tier; `Infinity` where there is none.
 */
export function createMemoryCache(options: {
  readonly maxBytes: number;
  readonly trustMs: number;
  readonly clock: Clock;
}): MemoryTier {
  const { maxBytes, trustMs, clock } = options;
  const slots = slotsFor(maxBytes);
  const memory = new DataView(new ArrayBuffer(Math.max(0, maxBytes - indexBytes(slots))));
  const records = createAnswerRecords(memory);
  const index = createIdIndex(slots, records);
  const ring = createRecordRing(memory, {
    moved: (from, to) => index.move(records.hashAt(to), from, to),
    dropped: (place) => index.remove(records.hashAt(place), place),
  });
  const hashOf = createIdHash();

  function remove(place: number): void {
    index.remove(records.hashAt(place), place);
    ring.free(place);
  }

  return {
    read(kind, id) {
      const place = index.find(hashOf(kind, id), kind, id);
      if (place === undefined) return undefined;
      ring.use(place);
      return records.read(place);
    },
    write(kind, id, answer) {
      const trustedUntilMs = Math.min(answer.freshUntilMs, clock.now() + trustMs);
      const record = { hash: hashOf(kind, id), kind, id, answer, trustedUntilMs };
      const units = unitsOf(record);
      const older = index.find(record.hash, kind, id);
      if (older !== undefined && ring.unitsAt(older) === units) {
        ring.use(older);
        records.write(older, record);
        return;
      }
      if (older !== undefined) remove(older);
      while (index.full) ring.evict();
      const place = ring.append(units);
      if (place === undefined) return;
      records.write(place, record);
      index.add(record.hash, place);
    },
    remove(kind, id) {
      const place = index.find(hashOf(kind, id), kind, id);
      if (place !== undefined) remove(place);
    },
    get bytes() {
      return ring.held * UNIT_BYTES;
    },
    get entries() {
      return index.entries;
    },
  };
}
