/** The longest that a request is held, whatever it asks for. */
const MAX_WAIT_SECONDS = 60;

/** RFC 7240, 2: preferences stand between commas, their parameters behind semicolons; neither counts within quotes. */
const PREFERENCE = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;
const FIRST_PART = /^(?:[^";]|"(?:[^"\\]|\\.)*"?)*/;
const WAIT = /^wait\s*(?:=(.*))?$/is;
const SECONDS = /^(?:"(\d+)"|(\d+))$/;

/**
 * For how many seconds a caller would wait for a project to be over (`Prefer: wait`, RFC 7240, 4.3); `undefined` where it
 * says nothing of it, or nothing that can be read.
 *
 * @returns 60 at the most
 */
export function waitSecondsOf(prefer: string | string[] | undefined): number | undefined {
  if (prefer === undefined) return undefined;
  for (const preference of String(prefer).match(PREFERENCE) ?? []) {
    const named = WAIT.exec((FIRST_PART.exec(preference)?.[0] ?? '').trim());
    if (named === null) continue;
    // Only the first one of a name counts.
    const [, quoted, bare] = SECONDS.exec((named[1] ?? '').trim()) ?? [];
    const digits = quoted ?? bare;
    return digits === undefined ? undefined : Math.min(MAX_WAIT_SECONDS, Number(digits));
  }
  return undefined;
}
