const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b]);
const CLOSING: ReadonlySet<number> = new Set([0x7d, 0x5d]);
/** RFC 8259, 2. */
const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * The very bytes of a member's value, so that they can be handed on as they came.
 *
 * @param json UTF-8 of a JSON object, which the caller has parsed already: nothing of its form is checked again
 * @returns `undefined` where there is no such member, or more than one: parsers differ in which of them counts
 */
export function rawMember(json: Buffer, name: string): Buffer | undefined {
  let found: Buffer | undefined;
  let at = json.indexOf('{') + 1;
  for (;;) {
    const nameAt = json.indexOf(QUOTE, at);
    if (nameAt === -1) return found;
    const nameEnd = endOfString(json, nameAt);
    const start = afterSpace(json, json.indexOf(COLON, nameEnd) + 1);
    const end = endOfValue(json, start);
    // A name can be spelled in many ways: "p\u0061yload".
    if (JSON.parse(json.toString('utf8', nameAt, nameEnd)) === name) {
      if (found !== undefined) return undefined;
      found = json.subarray(start, end);
    }
    at = end;
  }
}

function afterSpace(json: Buffer, at: number): number {
  let next = at;
  while (WHITE_SPACE.has(json[next] ?? 0)) next += 1;
  return next;
}

/** @param at its opening quote */
function endOfString(json: Buffer, at: number): number {
  let next = at + 1;
  while (next < json.length && json[next] !== QUOTE) next += json[next] === BACKSLASH ? 2 : 1;
  return next + 1;
}

/** Bytes of UTF-8 that are not ASCII are never taken for any of these: each has its high bit set. */
function endOfValue(json: Buffer, start: number): number {
  let depth = 0;
  let at = start;
  /** Behind the last byte that was no white space. */
  let end = start;
  while (at < json.length) {
    const byte = json[at] ?? 0;
    if (depth === 0 && (byte === COMMA || CLOSING.has(byte))) return end;
    if (byte === QUOTE) at = endOfString(json, at);
    else {
      if (OPENING.has(byte)) depth += 1;
      if (CLOSING.has(byte)) depth -= 1;
      at += 1;
    }
    if (!WHITE_SPACE.has(byte)) end = at;
  }
  return end;
}
