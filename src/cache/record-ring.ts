/** Places and sizes in a ring are counted in units of so many bytes, so that 32 bits reach over 64 GiB. */
export const UNIT_BYTES = 16;

/** Each record begins with its size in units (32 bits) and this ring's note of it (8 bits); the rest is its owner's. */
export const RING_HEADER_BYTES = 5;
const NOTE_AT = 4;

const FREE = 0;
const HELD = 1;
const USED = 2;

/**
 * After sparing so many units for one new record, the next goes even if it was used, so that no write takes long: 64 KiB are
 * copied in some 20 µs.
 */
const ENOUGH_SPARED = (64 * 1024) / UNIT_BYTES;

/**
 * Records of different lengths in one piece of memory, the newest at its head; its tail is where room is made. A record
 * there that was used since it came there is moved to the head, and dropped the next time if it was not used again ("second
 * chance", a near relation of "least recently used" that moves nothing when a record is used).
 */
export interface RecordRing {
  /** Units that are held. */
  readonly held: number;
  /**
   * Room for a record whose owner fills it at once; other records are moved and dropped for it.
   *
   * @returns its place; `undefined` where the whole ring is too small
   */
  append(units: number): number | undefined;
  unitsAt(place: number): number;
  /** Notes that a record was used. */
  use(place: number): void;
  /** Gives a record up; its units are free when the tail gets there. */
  free(place: number): void;
  /** Drops the record whose turn it is. */
  evict(): void;
}

/** Who knows where the records are. It is told while the record is still whole. */
export interface RingOwner {
  moved(from: number, to: number): void;
  dropped(place: number): void;
}

export function createRecordRing(memory: DataView, owner: RingOwner): RecordRing {
  const size = Math.floor(memory.byteLength / UNIT_BYTES);
  const bytes = new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength);
  // Both only grow; what is left when divided by the size is the place.
  let head = 0;
  let tail = 0;
  let held = 0;

  const unitsAt = (place: number) => memory.getUint32(place * UNIT_BYTES, true);
  const noteAt = (place: number) => memory.getUint8(place * UNIT_BYTES + NOTE_AT);
  const note = (place: number, what: number) => memory.setUint8(place * UNIT_BYTES + NOTE_AT, what);

  /** Up to the end of the memory, over which no record goes. */
  const unitsToEnd = () => size - (head % size);

  function fits(units: number): boolean {
    const toEnd = unitsToEnd();
    const needed = units <= toEnd ? units : toEnd + units;
    return head + needed - tail <= size;
  }

  function take(units: number, what: number): number {
    const place = head % size;
    memory.setUint32(place * UNIT_BYTES, units, true);
    note(place, what);
    head += units;
    return place;
  }

  /** @returns the place at which a record of that length comes to stand */
  function headFor(units: number): number {
    if (unitsToEnd() < units) take(unitsToEnd(), FREE);
    return head % size;
  }

  function takeWhole(units: number): number {
    headFor(units);
    held += units;
    return take(units, HELD);
  }

  function free(place: number): void {
    note(place, FREE);
    held -= unitsAt(place);
  }

  /** Ends, too, where nothing is left; then all of the memory is one piece again. */
  function passTailUntil(enough: () => boolean): void {
    for (let spared = 0; !enough(); ) {
      if (tail === head) {
        head = 0;
        tail = 0;
        return;
      }
      const place = tail % size;
      const units = unitsAt(place);
      const what = noteAt(place);
      tail += units;
      if (what === FREE) continue;
      held -= units;
      if (what === USED && spared < ENOUGH_SPARED && fits(units)) {
        move(place, units);
        spared += units;
      } else {
        owner.dropped(place);
      }
    }
  }

  /** From the tail, which has just passed it: the two may overlap. */
  function move(from: number, units: number): void {
    const to = headFor(units);
    bytes.copyWithin(to * UNIT_BYTES, from * UNIT_BYTES, (from + units) * UNIT_BYTES);
    takeWhole(units);
    owner.moved(from, to);
  }

  return {
    get held() {
      return held;
    },
    append(units) {
      if (units > size) return undefined;
      passTailUntil(() => fits(units));
      return takeWhole(units);
    },
    unitsAt,
    use(place) {
      note(place, USED);
    },
    free,
    evict() {
      const before = held;
      passTailUntil(() => held < before);
    },
  };
}
