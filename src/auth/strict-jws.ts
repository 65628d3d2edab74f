const BASE64URL_PART = /^[A-Za-z0-9_-]+$/;
/** The tokens of JSON text; in text that is valid JSON, a string stands as a whole. */
const JSON_TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gs;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Whether a token is a JWS in compact form (RFC 7515, 7.1) that can be read in one way only: canonical base64url, valid
 * UTF-8, and no member of header or claims named twice (RFC 7519, 4: such a token may be refused, or its last member be
 * taken; whoever looked at it before us may have taken the first).
 */
export function isStrictJws(token: string): boolean {
  const parts = token.split('.');
  const [header = '', claims = ''] = parts;
  return parts.length === 3 && parts.every(isCanonical) && [header, claims].every(isUnambiguousJson);
}

/** One text for each sequence of bytes: no padding, no bits left over at the end. */
function isCanonical(part: string): boolean {
  return BASE64URL_PART.test(part) && Buffer.from(part, 'base64url').toString('base64url') === part;
}

function isUnambiguousJson(part: string): boolean {
  try {
    const text = utf8.decode(Buffer.from(part, 'base64url'));
    JSON.parse(text);
    return !namesMemberTwice(text);
  } catch {
    return false;
  }
}

/** @param text valid JSON */
function namesMemberTwice(text: string): boolean {
  const open: Array<Set<string>> = [];
  let lastString = '';
  for (const [token] of text.matchAll(JSON_TOKENS)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (token !== ':') lastString = token;
    else {
      // Names may be spelled with escapes.
      const name = String(JSON.parse(lastString));
      const names = open.at(-1);
      if (names?.has(name)) return true;
      names?.add(name);
    }
  }
  return false;
}
