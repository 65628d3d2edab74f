/** A page that a login may return to: an address within one of the origins. */
export type ReturnTo = (asked: string | undefined) => string | undefined;

/** It comes back in a cookie, of which a browser may have some at a time. */
const MAX_LENGTH = 512;
/** A path from the root, or a whole address; nothing that browsers read otherwise than it is written. */
const ALLOWED = /^(?:\/(?![/\\])|https?:\/\/)[\x21-\x5b\x5d-\x7e]*$/;

/**
 * Keeps a login from being used as an open redirect (RFC 9700, 4.11). What is allowed is parsed once, by the rules by which
 * browsers parse it, and handed on as it was understood.
 *
 * @param baseUrl origin of this service, as browsers see it
 * @param origins of other pages that are the company's
 * @returns a function that gives the whole address, or `undefined` for one that is not allowed
 */
export function createReturnTo(baseUrl: string, origins: readonly string[]): ReturnTo {
  const own = new URL(baseUrl).origin;
  const allowed = new Set([own, ...origins]);
  return (asked = '/') => {
    if (asked.length > MAX_LENGTH || !ALLOWED.test(asked) || !URL.canParse(asked, baseUrl)) return undefined;
    const url = new URL(asked, baseUrl);
    if (!allowed.has(url.origin) || url.username + url.password !== '') return undefined;
    // Into a login again, round and round.
    if (url.origin === own && url.pathname.startsWith('/auth/')) return undefined;
    return url.href;
  };
}
