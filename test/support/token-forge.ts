import { generateKeyPairSync, KeyObject, type SignKeyObjectInput, sign } from 'node:crypto';
import type { TokenIssuer } from './token-issuer.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A token, and what is odd about it. */
export type NamedToken = readonly [what: string, token: string];

export interface TokenForge {
  readonly issuer: TokenIssuer;
  /** Somebody else's issuer, whose keys are worth nothing here. */
  readonly elsewhere: TokenIssuer;
  readonly rsaKey: KeyObject;
  readonly header: Fields & { readonly kid: string };
  readonly claims: Fields & { readonly iss: string; readonly aud: string; readonly sub: string };
  readonly nowSeconds: number;
  /** The parts of a token that is let in. */
  readonly good: readonly [header: string, claims: string, signature: string];
  /** Signed by the issuer, or by `key`, over just these parts, however they are spelled. */
  signed(header: string, claims: string, key?: KeyObject | SignKeyObjectInput): string;
  /** Signed, with these laid over what is right; `undefined` takes one away. */
  withHeader(fields: Fields, key?: KeyObject): string;
  withClaims(fields: Fields): string;
  /** Signed, with this in place of the header's or the claims' own JSON. */
  withHeaderText(text: string): string;
  withClaimsText(text: string | Uint8Array): string;
  /** As `withHeader`, by a key that only the issuer elsewhere publishes. */
  byStranger(fields: Fields): string;
}

export const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64url');
export const encodeJson = (value: unknown) => encode(JSON.stringify(value));

/** Makes tokens that are right in all but what is asked for, by node:crypto alone, since jose refuses to make wrong ones. */
export function createTokenForge(issuer: TokenIssuer, elsewhere: TokenIssuer): TokenForge {
  const { kid, privateKey } = issuer.currentKey();
  const rsaKey = KeyObject.from(privateKey);
  const strangersKey = KeyObject.from(elsewhere.currentKey().privateKey);
  const nowSeconds = Math.floor(Date.now() / 1000);
  const header = { alg: 'RS256', kid, typ: 'at+jwt' };
  const claims = { iss: issuer.issuer, aud: issuer.audience, sub: 'alice', exp: nowSeconds + 600 };

  const signed: TokenForge['signed'] = (head, payload, key = rsaKey) =>
    `${head}.${payload}.${encode(sign('sha256', Buffer.from(`${head}.${payload}`), key))}`;
  const withHeader: TokenForge['withHeader'] = (fields, key) =>
    signed(encodeJson({ ...header, ...fields }), encodeJson(claims), key);
  const [goodHeader = '', goodClaims = '', goodSignature = ''] = withHeader({}).split('.');

  return {
    issuer,
    elsewhere,
    rsaKey,
    header,
    claims,
    nowSeconds,
    good: [goodHeader, goodClaims, goodSignature],
    signed,
    withHeader,
    withClaims: (fields) => signed(goodHeader, encodeJson({ ...claims, ...fields })),
    withHeaderText: (text) => signed(encode(text), goodClaims),
    withClaimsText: (text) => signed(goodHeader, encode(text)),
    byStranger: (fields) => withHeader(fields, strangersKey),
  };
}

/** An RSA key of half the length that RFC 7518, 3.3 asks for. */
export const weakRsaKey = () => generateKeyPairSync('rsa', { modulusLength: 1024 });
