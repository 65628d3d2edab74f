import { z } from 'zod';

/** What ioredis and this service say of connections in words of their own, which have no code. */
const IN_WORDS = [
  [/^(?:Command timed out|Socket timeout)/, 'timeout'],
  [/^Connection is closed/, 'connection_closed'],
  [/^Stream isn't writeable/, 'not_connected'],
  [/^All sentinels are unreachable/, 'sentinels_unreachable'],
  [/^Redis is slow$/, 'slow'],
] as const;

const coded = z.object({ code: z.string() });
const caused = z.object({ lastNodeError: z.instanceof(Error) });

/**
 * Why there is no connection, in one word that is safe to keep: a code of the system, of OpenSSL or of Redis, such as
 * `ECONNREFUSED`, `CERT_HAS_EXPIRED`, `WRONGPASS`. Never an address, and nothing that the other side chose.
 */
export function unreachableReason(error: unknown): string {
  const cause = caused.safeParse(error);
  if (cause.success) return unreachableReason(cause.data.lastNodeError);
  const code = coded.safeParse(error);
  if (code.success) return code.data.code;
  if (!(error instanceof Error)) return 'unknown';
  const reply = error.name === 'ReplyError' ? /^[A-Z]+\b/.exec(error.message)?.[0] : undefined;
  return reply ?? IN_WORDS.find(([words]) => words.test(error.message))?.[1] ?? error.name;
}
