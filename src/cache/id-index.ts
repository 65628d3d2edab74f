import { randomFillSync } from 'node:crypto';
import { KINDS, type Kind } from '../lookup/project.ts';

/** PROJECT_ID_PATTERN: at most so many characters, all of them ASCII. */
const ID_LENGTH = 128;
const CHARACTERS = 128;

/** Beyond it, searches in a table with open addressing grow long. */
const MAX_LOAD = 0.75;

const BYTES_PER_SLOT = Uint32Array.BYTES_PER_ELEMENT;

export type IdHash = (kind: Kind, id: string) => number;

/**
 * Simple tabulation hashing: a random number for each character at each position, all of them XORed. Callers choose the ids,
 * so nobody outside may know which of them share a slot.
 */
export function createIdHash(): IdHash {
  const numbers = randomFillSync(new Uint32Array(ID_LENGTH * CHARACTERS));
  const ofKinds = randomFillSync(new Uint32Array(KINDS.length));
  return (kind, id) => {
    let hash = ofKinds[KINDS.indexOf(kind)] ?? 0;
    for (let at = 0; at < id.length; at += 1) {
      hash ^= numbers[at * CHARACTERS + id.charCodeAt(at)] ?? 0;
    }
    return hash >>> 0;
  };
}

/** What stands at a place. */
export interface Places {
  hashAt(place: number): number;
  isAt(place: number, kind: Kind, id: string): boolean;
}

/** Where each project's record is: a hash table of places, which takes 4 bytes a slot and gives V8 nothing to look after. */
export interface IdIndex {
  readonly entries: number;
  readonly full: boolean;
  find(hash: number, kind: Kind, id: string): number | undefined;
  /** For a project that is not in it, while it is not full. */
  add(hash: number, place: number): void;
  move(hash: number, from: number, to: number): void;
  remove(hash: number, place: number): void;
}

/** Enough for records of 342 bytes and longer to fill so much memory. Of shorter ones, such as 404s, fewer are held. */
export function slotsFor(maxBytes: number): number {
  return 2 ** Math.max(3, Math.ceil(Math.log2(maxBytes / 256)));
}

export function indexBytes(slots: number): number {
  return slots * BYTES_PER_SLOT;
}

/** @param slots a power of two */
export function createIdIndex(slots: number, { hashAt, isAt }: Places): IdIndex {
  /** Each a place + 1; 0 is empty. A record that finds its slot taken goes into the next one that is empty. */
  const table = new Uint32Array(slots);
  const mask = slots - 1;
  const maxEntries = Math.floor(slots * MAX_LOAD);
  let entries = 0;

  function slotOf(hash: number, place: number): number {
    let slot = hash & mask;
    while (table[slot] !== place + 1) slot = (slot + 1) & mask;
    return slot;
  }

  return {
    get entries() {
      return entries;
    },
    get full() {
      return entries >= maxEntries;
    },
    find(hash, kind, id) {
      for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
        const held = table[slot] ?? 0;
        if (held === 0) return undefined;
        if (hashAt(held - 1) === hash && isAt(held - 1, kind, id)) return held - 1;
      }
    },
    add(hash, place) {
      table[slotOf(hash, -1)] = place + 1;
      entries += 1;
    },
    move(hash, from, to) {
      table[slotOf(hash, from)] = to + 1;
    },
    remove(hash, place) {
      // What follows moves up where that brings it no further than to its own slot, so that no search ends too early.
      let hole = slotOf(hash, place);
      for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
        const held = table[slot] ?? 0;
        if (held === 0) break;
        const fromOwnSlot = (slot - hashAt(held - 1)) & mask;
        if (fromOwnSlot < ((slot - hole) & mask)) continue;
        table[hole] = held;
        hole = slot;
      }
      table[hole] = 0;
      entries -= 1;
    },
  };
}
