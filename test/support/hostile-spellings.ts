import { encode, encodeJson, type NamedToken, type TokenForge } from './token-forge.ts';

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A token of the issuer, or what remains of it. */
export function badSpellings(forge: TokenForge): NamedToken[] {
  const [header, claims, signature] = forge.good;
  const good = forge.good.join('.');
  const base64 = (part: string) => Buffer.from(part, 'base64url').toString('base64');
  return [
    ['empty', ''],
    ['a word', 'null'],
    ['dots alone', '..'],
    ['one part', header],
    ['two parts', `${header}.${claims}`],
    ['four parts', `${good}.`],
    ['five parts', `${good}.${signature}.${signature}`],
    ['a dot before', `.${good}`],
    ['a dot more between', good.replace('.', '..')],
    ['no signature', `${header}.${claims}.`],
    ['a detached payload', `${header}..${signature}`],
    ['half a signature', good.slice(0, -100)],
    ['one character less', good.slice(0, -1)],
    ['one character more', `${good}A`],
    ['bits left over at the end', withLeftOverBits(good)],
    ['padding', `${good}==`],
    ['padding inside', `${header}==.${claims}.${signature}`],
    ['plain base64', `${header}.${claims}.${base64(signature)}`],
    ['percent signs', good.replaceAll('.', '%2E')],
    ['a tilde, as of a selective disclosure', `${good}~`],
    ['a space before', ` ${good}`],
    ['a space inside', good.replace('.', ' .')],
    ['a tab inside', good.replace('.', '.\t')],
    ['a comma after', `${good},`],
    ['two tokens', `${good},${good}`],
    ['quotes', `"${good}"`],
    ['the other payload', `${header}.${encodeJson({ ...forge.claims, sub: 'root' })}.${signature}`],
    ['as JSON', JSON.stringify({ protected: header, payload: claims, signature })],
  ];
}

/** Parts that are not the JSON that they should be, signed all the same. */
export function badContents({ claims, good, withClaims, withClaimsText, withHeaderText }: TokenForge) {
  const text = JSON.stringify(claims);
  const invalidUtf8 = Buffer.from(text.replace('alice', 'al~ce'));
  invalidUtf8[invalidUtf8.indexOf('~')] = 0xff;
  return [
    ['a payload that is no JSON', withClaimsText('alice')],
    ['a payload that is a token', withClaimsText(good.join('.'))],
    ['a payload that is a list', withClaimsText(`[${text}]`)],
    ['a payload that is null', withClaimsText('null')],
    ['a payload with a byte order mark', withClaimsText(`\ufeff${text}`)],
    ['a payload with invalid UTF-8', withClaimsText(invalidUtf8)],
    ['a payload in UTF-16', withClaimsText(Buffer.from(text, 'utf16le'))],
    ['a payload with something behind it', withClaimsText(`${text}{}`)],
    ['a payload with a comment', withClaimsText(`/**/${text}`)],
    ['a payload with a comma at its end', withClaimsText(text.replace('}', ',}'))],
    ['a payload in a payload', withClaimsText(encode(text))],
    ['a header that is no JSON', withHeaderText('RS256')],
    ['a header that is a list', withHeaderText('["RS256"]')],
    ['a header with a byte order mark', withHeaderText(`\ufeff{"alg":"RS256"}`)],
    ['oversize', withClaims({ padding: 'x'.repeat(8192) })],
  ] satisfies NamedToken[];
}

/** The last character of 256 bytes in base64url has four bits that no byte uses. */
function withLeftOverBits(token: string): string {
  return token.slice(0, -1) + BASE64URL[BASE64URL.indexOf(token.slice(-1)) ^ 1];
}
