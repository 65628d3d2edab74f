/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VISIBLE = /^[\x20-\x7e]+$/;

/**
 * `key=value`, percent-encoded, as OpenTelemetry's settings write the members of a list (W3C Baggage, 3.2.1).
 *
 * @returns `undefined` where one is none, or holds what can't stand in a header
 */
export function parseKeyValues(items: readonly string[]): Readonly<Record<string, string>> | undefined {
  const parsed: Record<string, string> = {};
  for (const item of items) {
    const at = item.indexOf('=');
    const key = item.slice(0, Math.max(0, at)).trim();
    const value = decoded(item.slice(at + 1).trim());
    if (!TOKEN.test(key) || value === undefined || !VISIBLE.test(value)) return undefined;
    parsed[key] = value;
  }
  return parsed;
}

/** `undefined` where it is not percent-encoded as it should be. */
export function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
