import { z } from 'zod';

/** What ioredis says of connections in words of its own, which have no code. */
const IN_WORDS = /^(Command timed out|Connection is closed|Socket timeout|All sentinels are unreachable)/;

const coded = z.object({ code: z.string() });
const caused = z.object({ lastNodeError: z.instanceof(Error) });

/**
 * Why there is no connection, in a word or a few that are safe to keep: a code of the system, of OpenSSL or of Redis, such as
 * `ECONNREFUSED`, `CERT_HAS_EXPIRED`, `WRONGPASS`. Never an address, and nothing that the other side chose.
 */
export function unreachableReason(error: unknown): string {
  const cause = caused.safeParse(error);
  if (cause.success) return unreachableReason(cause.data.lastNodeError);
  const code = coded.safeParse(error);
  if (code.success) return code.data.code;
  if (!(error instanceof Error)) return 'unknown';
  const reply = error.name === 'ReplyError' ? /^[A-Z]+\b/.exec(error.message) : null;
  return (reply ?? IN_WORDS.exec(error.message))?.[0] ?? error.name;
}
