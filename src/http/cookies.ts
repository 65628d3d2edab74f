/** `__Host-Http-`: set by a server, over TLS, for this host alone and all of its paths (draft-ietf-httpbis-rfc6265bis). */
export const SESSION_COOKIE = '__Host-Http-session';
export const LOGIN_COOKIE_PREFIX = '__Host-Http-login-';

/** Names of the cookies that a request brought, those that were set first at first (RFC 6265, 5.4). */
export function cookieNames(header = ''): string[] {
  return pairsOf(header).map(([name]) => name);
}

/** @returns `undefined` where there is no such cookie, or more than one */
export function cookieOf(header: string | undefined, wanted: string): string | undefined {
  const [value, ...more] = pairsOf(header ?? '').flatMap(([name, value]) => (name === wanted ? [value] : []));
  return more.length === 0 ? value : undefined;
}

/** @param maxAgeSeconds left out, it goes with the browser's session; 0 deletes it */
export function setCookie(
  name: string,
  value: string,
  { sameSite, maxAgeSeconds }: { readonly sameSite: 'Strict' | 'Lax'; readonly maxAgeSeconds?: number },
): string {
  const life = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=${sameSite}${life}`;
}

function pairsOf(header: string): Array<readonly [name: string, value: string]> {
  return header.split(';').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at === -1 ? [] : [[withoutSpace(pair.slice(0, at)), withoutSpace(pair.slice(at + 1))] as const];
  });
}

/** RFC 6265, 5.2: spaces and tabs alone. */
function withoutSpace(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
}
