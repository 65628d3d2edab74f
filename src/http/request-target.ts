/** RFC 9112, 3.2.1; a fragment is for the client alone. */
const ORIGIN_FORM = /^\/[^#]*$/;
/** RFC 9112, 3.2.2. User, host and port count for nothing here. */
const ABSOLUTE_FORM = /^https?:\/\/(?:[^/?#@\\]*@)?([^/?#@\\]+)([/?].*)?$/i;
/** RFC 9110, 7.2: a host and perhaps a port, or nothing. */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d{0,5})?$/i;

/** Stands for a target that is none; Express can route it, and `refuseMalformed` refuses it. */
export const NO_TARGET = '/#';

/**
 * The path and query that a request's target asks for. It is cut by a rule of our own since Express reads an absolute one
 * as browsers read links, with backslashes for slashes, and answers one that it can't read in its own words.
 */
export function originForm(target = ''): string {
  if (ORIGIN_FORM.test(target) || target === '*') return target;
  const [, host, rest = ''] = ABSOLUTE_FORM.exec(target) ?? [];
  if (host === undefined || !isHost(host)) return NO_TARGET;
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  return ORIGIN_FORM.test(path) ? path : NO_TARGET;
}

export function isHost(value: string): boolean {
  return HOST.test(value);
}
