import type { Answer, FoundAnswer } from '../lookup/answer.ts';
import type { HeldAnswer } from '../lookup/ports.ts';
import { KINDS, type Kind } from '../lookup/project.ts';
import type { Places } from './id-index.ts';
import { RING_HEADER_BYTES, UNIT_BYTES } from './record-ring.ts';

/** Where each part of a record begins, in bytes from its place; id, ETag and body follow one another behind. */
const AT = {
  kind: RING_HEADER_BYTES,
  idLength: 6,
  etagLength: 7,
  hash: 8,
  bodyLength: 12,
  fetchedAtMs: 16,
  freshUntilMs: 24,
  trustedUntilMs: 32,
  downloadsEndMs: 40,
  clockLagMs: 48,
  downloads: 56,
  status: 60,
  flags: 61,
  id: 62,
} as const;

const FLAG = { found: 1, terminal: 2, refreshed: 4, endsAllKnown: 8 } as const;

const STATUSES: ReadonlyArray<FoundAnswer['status']> = [
  'draft',
  'queued',
  'rendering',
  'complete',
  'error',
  'canceled',
  'unknown',
];

const NOT_TOLD = Number.NaN;

/**
 * Answers as bytes outside of V8's heap, a record each. As objects they would take three quarters more than their bodies
 * do, and every full garbage collection would visit them all.
 */
export interface AnswerRecords extends Places {
  write(place: number, record: AnswerRecord): void;
  read(place: number): HeldAnswer;
}

export interface AnswerRecord extends HeldAnswer {
  readonly hash: number;
  readonly kind: Kind;
  /** Matches PROJECT_ID_PATTERN. */
  readonly id: string;
}

/** How long a record is, in units of the ring. */
export function unitsOf({ id, answer }: Pick<AnswerRecord, 'id' | 'answer'>): number {
  const text = answer.found ? answer.etag.length + answer.body.length : 0;
  return Math.ceil((AT.id + id.length + text) / UNIT_BYTES);
}

export function createAnswerRecords(memory: DataView): AnswerRecords {
  const bytes = Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength);

  function isAt(place: number, kind: Kind, id: string): boolean {
    const start = place * UNIT_BYTES;
    if (bytes[start + AT.idLength] !== id.length || KINDS[bytes[start + AT.kind] ?? 0] !== kind) return false;
    for (let n = 0; n < id.length; n += 1) {
      if (bytes[start + AT.id + n] !== id.charCodeAt(n)) return false;
    }
    return true;
  }

  function write(place: number, { hash, kind, id, answer, trustedUntilMs }: AnswerRecord): void {
    const start = place * UNIT_BYTES;
    memory.setUint8(start + AT.kind, KINDS.indexOf(kind));
    memory.setUint8(start + AT.idLength, id.length);
    memory.setUint32(start + AT.hash, hash, true);
    memory.setFloat64(start + AT.fetchedAtMs, answer.fetchedAtMs, true);
    memory.setFloat64(start + AT.freshUntilMs, answer.freshUntilMs, true);
    memory.setFloat64(start + AT.trustedUntilMs, trustedUntilMs, true);
    memory.setUint8(start + AT.flags, flagsOf(answer));
    bytes.write(id, start + AT.id, 'latin1');
    if (answer.found) writeFound(start, start + AT.id + id.length, answer);
  }

  function writeFound(start: number, textAt: number, answer: FoundAnswer): void {
    const { etag, body, downloadEnds } = answer;
    memory.setUint8(start + AT.etagLength, etag.length);
    memory.setUint32(start + AT.bodyLength, body.length, true);
    memory.setFloat64(start + AT.downloadsEndMs, downloadEnds.earliestMs ?? NOT_TOLD, true);
    memory.setFloat64(start + AT.clockLagMs, answer.clockLagMs, true);
    memory.setUint32(start + AT.downloads, downloadEnds.count, true);
    memory.setUint8(start + AT.status, STATUSES.indexOf(answer.status));
    bytes.write(etag, textAt, 'latin1');
    bytes.write(body, textAt + etag.length, 'latin1');
  }

  function read(place: number): HeldAnswer {
    const start = place * UNIT_BYTES;
    return { answer: readAnswer(start), trustedUntilMs: memory.getFloat64(start + AT.trustedUntilMs, true) };
  }

  function readAnswer(start: number): Answer {
    const fetchedAtMs = memory.getFloat64(start + AT.fetchedAtMs, true);
    const freshUntilMs = memory.getFloat64(start + AT.freshUntilMs, true);
    const flags = memory.getUint8(start + AT.flags);
    if ((flags & FLAG.found) === 0) return { found: false, fetchedAtMs, freshUntilMs };
    const etagAt = start + AT.id + memory.getUint8(start + AT.idLength);
    const bodyAt = etagAt + memory.getUint8(start + AT.etagLength);
    const earliestMs = memory.getFloat64(start + AT.downloadsEndMs, true);
    return {
      found: true,
      body: bytes.toString('latin1', bodyAt, bodyAt + memory.getUint32(start + AT.bodyLength, true)),
      etag: bytes.toString('latin1', etagAt, bodyAt),
      status: STATUSES[memory.getUint8(start + AT.status)] ?? 'unknown',
      terminal: (flags & FLAG.terminal) !== 0,
      downloadEnds: {
        count: memory.getUint32(start + AT.downloads, true),
        earliestMs: Number.isNaN(earliestMs) ? undefined : earliestMs,
        allKnown: (flags & FLAG.endsAllKnown) !== 0,
      },
      clockLagMs: memory.getFloat64(start + AT.clockLagMs, true),
      refreshed: (flags & FLAG.refreshed) !== 0,
      fetchedAtMs,
      freshUntilMs,
    };
  }

  return { hashAt: (place) => memory.getUint32(place * UNIT_BYTES + AT.hash, true), isAt, write, read };
}

function flagsOf(answer: Answer): number {
  if (!answer.found) return 0;
  return (
    FLAG.found |
    (answer.terminal ? FLAG.terminal : 0) |
    (answer.refreshed ? FLAG.refreshed : 0) |
    (answer.downloadEnds.allKnown ? FLAG.endsAllKnown : 0)
  );
}
