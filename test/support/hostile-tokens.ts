import { constants, createHmac, createPublicKey, generateKeyPairSync, KeyObject, sign } from 'node:crypto';
import { CompactEncrypt, type JWK } from 'jose';
import type { TokenIssuer } from './token-issuer.ts';

/** A token that must let nobody in, and what is wrong with it. */
export type HostileToken = readonly [what: string, token: string];

type Fields = Readonly<Record<string, unknown>>;

const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64url');
const json = (value: unknown) => encode(JSON.stringify(value));

/**
 * Tokens that are wrong in one way each. Whatever else they need to be let in is right: they are signed by the issuer's
 * own keys, so that nothing but the one fault stands in their way.
 */
export async function hostileTokens(issuer: TokenIssuer): Promise<HostileToken[]> {
  const { kid, privateKey, publicJwk } = issuer.currentKey();
  const rsaKey = KeyObject.from(privateKey);
  const nowSeconds = Math.floor(Date.now() / 1000);
  const goodHeader = { alg: 'RS256', kid, typ: 'at+jwt' };
  const goodClaims = { iss: issuer.issuer, aud: issuer.audience, sub: 'alice', exp: nowSeconds + 600 };
  const good = await issuer.token();
  const [goodHead = '', goodPayload = '', goodSignature = ''] = good.split('.');

  /** Signed by the issuer over just these parts, however they are spelled. */
  const signed = (header: string, payload: string, key: KeyObject = rsaKey) =>
    `${header}.${payload}.${encode(sign('sha256', Buffer.from(`${header}.${payload}`), key))}`;
  const withHeader = (fields: Fields) => signed(json({ ...goodHeader, ...fields }), json(goodClaims));
  const withClaims = (fields: Fields) => signed(json(goodHeader), json({ ...goodClaims, ...fields }));
  const withHeaderText = (text: string) => signed(encode(text), json(goodClaims));
  const withClaimsText = (text: string | Uint8Array) => signed(json(goodHeader), encode(text));
  const unsigned = (alg: string | undefined) => `${json({ ...goodHeader, alg })}.${json(goodClaims)}.`;
  const hmac = (alg: string, secret: string | Buffer) => {
    const input = `${json({ ...goodHeader, alg })}.${json(goodClaims)}`;
    return `${input}.${encode(
      createHmac(`sha${alg.slice(2)}`, secret)
        .update(input)
        .digest(),
    )}`;
  };

  return [
    ...badAlgorithms(),
    ...badKeys(),
    ...badClaims(),
    ...badSpellings(),
    ['encrypted to us', await encrypted(publicJwk)],
    ['ECDSA with r and s of zero', await ecdsa(() => Buffer.alloc(64))],
    ['ECDSA with a signature in DER', await ecdsa((input, key) => sign('sha256', input, key))],
    ['ECDSA with a signature that is too long', await ecdsa(() => Buffer.alloc(66, 1))],
  ];

  function badAlgorithms(): HostileToken[] {
    const pem = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
      .export({ format: 'pem', type: 'spki' })
      .toString();
    return [
      ['no alg', unsigned(undefined)],
      ['no alg, and a good signature', signed(json({ kid, typ: 'at+jwt' }), json(goodClaims))],
      ...['none', 'None', 'NONE', 'nOnE'].map((alg): HostileToken => [`alg ${alg}`, unsigned(alg)]),
      ['alg none, and a good signature', withHeader({ alg: 'none' })],
      ['HMAC with the public key as PEM', hmac('HS256', pem)],
      ['HMAC with the public key as PEM, without its last line feed', hmac('HS256', pem.trim())],
      ['HMAC with the public key as JWK', hmac('HS256', JSON.stringify(publicJwk))],
      ['HMAC with the modulus', hmac('HS512', Buffer.from(publicJwk.n ?? '', 'base64url'))],
      ['HMAC with nothing', hmac('HS256', '')],
      ['alg rs256', withHeader({ alg: 'rs256' })],
      ['alg RS512 over a SHA-256 signature', withHeader({ alg: 'RS512' })],
      ['alg ES256 with an RSA key', withHeader({ alg: 'ES256' })],
      ['alg EdDSA with an RSA key', withHeader({ alg: 'EdDSA' })],
      ['alg as a list', withHeader({ alg: ['RS256'] })],
      ['alg as a number', withHeader({ alg: 256 })],
      ['RSA-OAEP in a signature', withHeader({ alg: 'RSA-OAEP' })],
      ['PS256 with the wrong padding', withHeader({ alg: 'PS256' })],
      [
        'RS256 with PSS padding',
        `${goodHead}.${goodPayload}.${encode(
          sign('sha256', Buffer.from(`${goodHead}.${goodPayload}`), {
            key: rsaKey,
            padding: constants.RSA_PKCS1_PSS_PADDING,
          }),
        )}`,
      ],
    ];
  }

  function badKeys(): HostileToken[] {
    const { privateKey: stranger, publicKey: strangersPublic } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
    });
    const { privateKey: weak } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const jwk = strangersPublic.export({ format: 'jwk' });
    const byStranger = (fields: Fields) =>
      signed(json({ ...goodHeader, ...fields }), json(goodClaims), stranger);
    return [
      ['signed by a stranger under a known kid', byStranger({})],
      ['signed by a stranger without a kid', byStranger({ kid: undefined })],
      ['signed by a weak key', signed(json(goodHeader), json(goodClaims), weak)],
      ['an embedded jwk', byStranger({ jwk })],
      ['an embedded jwk and no kid', byStranger({ jwk, kid: undefined })],
      ['a jku', byStranger({ jku: 'https://evil.example/jwks.json' })],
      ['a jku of ours that leads elsewhere', byStranger({ jku: `${issuer.issuer}@evil.example/jwks` })],
      ['an x5u', byStranger({ x5u: 'https://evil.example/cert.pem' })],
      ['an x5c', byStranger({ x5c: [encode('certificate')] })],
      ['a kid that is a path', byStranger({ kid: '../../../../dev/null' })],
      ['a kid that is a file', byStranger({ kid: '/etc/passwd' })],
      ['a kid that is SQL', byStranger({ kid: "' UNION SELECT 'key' --" })],
      ['a kid that is a command', byStranger({ kid: '$(id)|id;id' })],
      ['a kid with a NUL', byStranger({ kid: `${kid}\0` })],
      ['a kid of a prototype', byStranger({ kid: '__proto__' })],
      ['a kid that is an object', byStranger({ kid: { toString: kid } })],
      ['a kid that is a number', byStranger({ kid: 0 })],
      ['a huge kid', byStranger({ kid: 'k'.repeat(4000) })],
      ['crit of something unknown', withHeader({ crit: ['x'], x: 1 })],
      ['crit that is empty', withHeader({ crit: [] })],
      ['crit that is no list', withHeader({ crit: 'exp' })],
      ['crit of a member that is not there', withHeader({ crit: ['b64'] })],
      ['b64 false', withHeader({ crit: ['b64'], b64: false })],
      ['typ of an identity token for logging out', withHeader({ typ: 'logout+jwt' })],
      ['typ of a proof of possession', withHeader({ typ: 'dpop+jwt' })],
      ['typ that is no string', withHeader({ typ: ['at+jwt'] })],
    ];
  }

  function badClaims(): HostileToken[] {
    const claims = JSON.stringify(goodClaims).slice(1, -1);
    return [
      ['expired', withClaims({ exp: nowSeconds - 1 })],
      ['expired since 1970', withClaims({ exp: 0 })],
      ['expired before 1970', withClaims({ exp: -nowSeconds })],
      ['no exp', withClaims({ exp: undefined })],
      ['exp as a string', withClaims({ exp: String(nowSeconds + 600) })],
      ['exp as null', withClaims({ exp: null })],
      ['exp without an end', withClaimsText(`{${claims.replace(/"exp":\d+/, '"exp":1e400')}}`)],
      ['not valid yet', withClaims({ nbf: nowSeconds + 600 })],
      ['nbf as a string', withClaims({ nbf: 'now' })],
      ['another iss', withClaims({ iss: 'https://evil.example' })],
      ['iss with a slash more', withClaims({ iss: `${issuer.issuer}/` })],
      ['iss in capitals', withClaims({ iss: issuer.issuer.toUpperCase() })],
      ['iss as a list', withClaims({ iss: [issuer.issuer] })],
      ['no iss', withClaims({ iss: undefined })],
      ['another aud', withClaims({ aud: 'another' })],
      ['aud with a suffix', withClaims({ aud: `${issuer.audience}.evil.example` })],
      ['aud as a list without ours', withClaims({ aud: ['a', 'b'] })],
      ['aud as an empty list', withClaims({ aud: [] })],
      ['aud as a list in a list', withClaims({ aud: [[issuer.audience]] })],
      ['aud as an object', withClaims({ aud: { [issuer.audience]: true } })],
      ['no aud', withClaims({ aud: undefined })],
      ['no sub', withClaims({ sub: undefined })],
      ['an empty sub', withClaims({ sub: '' })],
      ['sub as a number', withClaims({ sub: 1 })],
      ['sub as null', withClaims({ sub: null })],
      ['sub as a list', withClaims({ sub: ['alice'] })],
      ['sub as an object', withClaims({ sub: { toString: 'alice' } })],
      ['a huge sub', withClaims({ sub: 'a'.repeat(1025) })],
      ['bound to a key', withClaims({ cnf: { jkt: 'thumbprint' } })],
      ['two subs', withClaimsText(`{${claims},"sub":"root"}`)],
      ['two subs, one of them escaped', withClaimsText(`{${claims},"s\\u0075b":"root"}`)],
      ['two exps', withClaimsText(`{"exp":${nowSeconds - 60},${claims}}`)],
      ['two auds', withClaimsText(`{"aud":"another",${claims}}`)],
      ['two members of one name further in', withClaimsText(`{${claims},"x":[{"a":1,"a":2}]}`)],
      ['two algs', withHeaderText(`{"alg":"none","alg":"RS256","kid":"${kid}"}`)],
      ['two kids', withHeaderText(`{"alg":"RS256","kid":"other","kid":"${kid}"}`)],
    ];
  }

  function badSpellings(): HostileToken[] {
    const invalidUtf8 = Buffer.from(JSON.stringify({ ...goodClaims, sub: 'al~ce' }).replace('~', '\x7f'));
    invalidUtf8[invalidUtf8.indexOf(0x7f)] = 0xff;
    return [
      ['empty', ''],
      ['a word', 'null'],
      ['dots alone', '..'],
      ['one part', goodHead],
      ['two parts', `${goodHead}.${goodPayload}`],
      ['four parts', `${good}.`],
      ['five parts', `${good}.${goodSignature}.${goodSignature}`],
      ['a dot before', `.${good}`],
      ['no signature', `${goodHead}.${goodPayload}.`],
      ['half a signature', good.slice(0, -100)],
      ['one character less', good.slice(0, -1)],
      ['one character more', `${good}A`],
      ['bits left over at the end', withLeftOverBits(good)],
      ['padding', `${good}==`],
      ['padding inside', `${goodHead}==.${goodPayload}.${goodSignature}`],
      [
        'plain base64',
        `${goodHead}.${goodPayload}.${Buffer.from(goodSignature, 'base64url').toString('base64')}`,
      ],
      ['a space before', ` ${good}`],
      ['a space inside', good.replace('.', ' .')],
      ['a tab inside', good.replace('.', '.\t')],
      ['a comma after', `${good},`],
      ['two tokens', `${good},${good}`],
      ['quotes', `"${good}"`],
      ['the other payload', `${goodHead}.${json({ ...goodClaims, sub: 'root' })}.${goodSignature}`],
      ['a payload that is no JSON', withClaimsText('alice')],
      ['a payload that is a list', withClaimsText('[]')],
      ['a payload that is null', withClaimsText('null')],
      ['a payload with a byte order mark', withClaimsText(`\ufeff${JSON.stringify(goodClaims)}`)],
      ['a payload with invalid UTF-8', withClaimsText(invalidUtf8)],
      ['a header that is no JSON', withHeaderText('RS256')],
      ['a header that is a list', withHeaderText('["RS256"]')],
      ['as JSON', JSON.stringify({ protected: goodHead, payload: goodPayload, signature: goodSignature })],
      ['oversize', withClaims({ padding: 'x'.repeat(8192) })],
    ];
  }

  async function encrypted(jwk: JWK): Promise<string> {
    const { use: _use, alg: _alg, ...key } = jwk;
    return new CompactEncrypt(Buffer.from(JSON.stringify(goodClaims)))
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid })
      .encrypt(key);
  }

  async function ecdsa(signature: (input: Buffer, key: KeyObject) => Buffer): Promise<string> {
    const key = await issuer.addKey('ES256');
    const input = `${json({ ...goodHeader, alg: 'ES256', kid: key.kid })}.${json(goodClaims)}`;
    return `${input}.${encode(signature(Buffer.from(input), KeyObject.from(key.privateKey)))}`;
  }
}

/** The last character of 256 bytes in base64url has four bits that no byte uses. */
function withLeftOverBits(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(token.slice(-1));
  return token.slice(0, -1) + alphabet[last ^ 1];
}
