import { constants, createHmac, createPublicKey, KeyObject, sign } from 'node:crypto';
import { CompactEncrypt } from 'jose';
import { encode, encodeJson, type NamedToken, type TokenForge, weakRsaKey } from './token-forge.ts';

export function badAlgorithms(forge: TokenForge): NamedToken[] {
  const { issuer, rsaKey, header, claims, good, signed, withHeader } = forge;
  const { publicJwk } = issuer.currentKey();
  const publicKey = createPublicKey({ key: { ...publicJwk }, format: 'jwk' });
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const unsigned = (alg: string | undefined) => `${encodeJson({ ...header, alg })}.${encodeJson(claims)}.`;
  const hmac = (alg: string, secret: string | Buffer) => {
    const input = `${encodeJson({ ...header, alg })}.${good[1]}`;
    const mac = createHmac(`sha${alg.slice(2)}`, secret).update(input);
    return `${input}.${mac.digest('base64url')}`;
  };
  return [
    ['no alg', unsigned(undefined)],
    ['no alg, and a good signature', withHeader({ alg: undefined })],
    ...['none', 'None', 'NONE', 'nOnE'].map((alg): NamedToken => [`alg ${alg}`, unsigned(alg)]),
    ['alg none, and a good signature', withHeader({ alg: 'none' })],
    ['HMAC with the public key as PEM', hmac('HS256', pem)],
    ['HMAC with the public key as PEM, without its last line feed', hmac('HS256', pem.trim())],
    [
      'HMAC with the public key as PKCS #1',
      hmac('HS256', publicKey.export({ format: 'pem', type: 'pkcs1' })),
    ],
    ['HMAC with the public key as DER', hmac('HS256', publicKey.export({ format: 'der', type: 'spki' }))],
    ['HMAC with the public key as JWK', hmac('HS256', JSON.stringify(publicJwk))],
    ['HMAC with the modulus', hmac('HS512', Buffer.from(publicJwk.n ?? '', 'base64url'))],
    ['HMAC with nothing', hmac('HS384', '')],
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
      signed(good[0], good[1], { key: rsaKey, padding: constants.RSA_PKCS1_PSS_PADDING }),
    ],
    ['an RSA signature of zero', `${good[0]}.${good[1]}.${encode(Buffer.alloc(256))}`],
    ['an RSA signature of one', `${good[0]}.${good[1]}.${encode(Buffer.alloc(256).fill(1, 255))}`],
    [
      'an RSA signature with a zero before it',
      `${good[0]}.${good[1]}.${encode(Buffer.concat([Buffer.alloc(1), Buffer.from(good[2], 'base64url')]))}`,
    ],
  ];
}

export function badKeys({ elsewhere, header, byStranger, withHeader }: TokenForge): NamedToken[] {
  const { kid, publicJwk: jwk } = elsewhere.currentKey();
  const { jwksUrl } = elsewhere;
  return [
    ['signed by a stranger under a known kid', byStranger({})],
    ['signed by a stranger under a kid of theirs', byStranger({ kid })],
    ['signed by a stranger without a kid', byStranger({ kid: undefined })],
    ['signed by a weak key', withHeader({}, weakRsaKey().privateKey)],
    ['an embedded jwk', byStranger({ jwk })],
    ['an embedded jwk and its kid', byStranger({ jwk, kid })],
    ['an embedded jwk and no kid', byStranger({ jwk, kid: undefined })],
    ['a jku of theirs', byStranger({ jku: jwksUrl, kid })],
    ['a jku of ours that leads elsewhere', byStranger({ jku: jwksUrl.replace('//', '//issuer@'), kid })],
    ['an x5u', byStranger({ x5u: jwksUrl, kid })],
    ['an x5c', byStranger({ x5c: [encode('certificate')] })],
    ['a kid that is an address', byStranger({ kid: jwksUrl })],
    ['a kid that is a path', byStranger({ kid: '../../../../dev/null' })],
    ['a kid that is a file', byStranger({ kid: '/etc/passwd' })],
    ['a kid that is SQL', byStranger({ kid: "' UNION SELECT 'key' --" })],
    ['a kid that is a command', byStranger({ kid: '$(id)|id;id' })],
    ['a kid with a NUL', byStranger({ kid: `${header.kid}\0` })],
    ['a kid of a prototype', byStranger({ kid: '__proto__' })],
    ['a kid that is an object', byStranger({ kid: { toString: header.kid } })],
    ['a kid that is a number', byStranger({ kid: 0 })],
    ['a huge kid', byStranger({ kid: 'k'.repeat(4000) })],
    // These are signed by the issuer itself.
    ['a kid that is null', withHeader({ kid: null })],
    ['a kid in a list', withHeader({ kid: [header.kid] })],
    ['crit of something unknown', withHeader({ crit: ['x'], x: 1 })],
    ['crit that is empty', withHeader({ crit: [] })],
    ['crit that is no list', withHeader({ crit: 'exp' })],
    ['crit of a member that is not there', withHeader({ crit: ['b64'] })],
    ['b64 false', withHeader({ crit: ['b64'], b64: false })],
    ['b64 false that crit does not name', withHeader({ b64: false })],
    ['typ of an identity token for logging out', withHeader({ typ: 'logout+jwt' })],
    ['typ of a proof of possession', withHeader({ typ: 'dpop+jwt' })],
    ['typ that is no string', withHeader({ typ: ['at+jwt'] })],
    ['typ that is null', withHeader({ typ: null })],
  ];
}

/** By keys of other kinds that the issuer publishes, too. */
export async function badSignatures({ issuer, header, good, withHeader }: TokenForge): Promise<NamedToken[]> {
  const [ec, ed, other] = [
    await issuer.addKey('ES256'),
    await issuer.addKey('EdDSA'),
    await issuer.addKey('RS256'),
  ];
  const signedAs = (alg: string, kid: string, signature: (input: Buffer) => Uint8Array) => {
    const input = `${encodeJson({ ...header, alg, kid })}.${good[1]}`;
    return `${input}.${encode(signature(Buffer.from(input)))}`;
  };
  const byEc = (signature: (input: Buffer) => Uint8Array) => signedAs('ES256', ec.kid, signature);
  const p1363 = (input: Buffer) =>
    sign('sha256', input, { key: KeyObject.from(ec.privateKey), dsaEncoding: 'ieee-p1363' });
  const byEd = (input: Buffer) => sign(null, input, KeyObject.from(ed.privateKey));
  const { use: _use, alg: _alg, ...encryptionKey } = issuer.currentKey().publicJwk;
  return [
    ['the kid of another key of the issuer', withHeader({ kid: other.kid })],
    ['the kid of a key of another kind', withHeader({ kid: ec.kid })],
    ['ECDSA with r and s of zero', byEc(() => Buffer.alloc(64))],
    ['ECDSA with r and s over the order of the curve', byEc(() => Buffer.alloc(64, 0xff))],
    ['ECDSA with a signature in DER', byEc((input) => sign('sha256', input, KeyObject.from(ec.privateKey)))],
    ['ECDSA with a signature that is too long', byEc((input) => Buffer.concat([p1363(input), p1363(input)]))],
    ['ECDSA with half a signature', byEc((input) => p1363(input).subarray(0, 32))],
    ['ECDSA under the kid of an RSA key', signedAs('ES256', header.kid, p1363)],
    ['ECDSA that says ES384', signedAs('ES384', ec.kid, p1363)],
    ['an Ed25519 key used as RS256', signedAs('RS256', ed.kid, byEd)],
    ['an Ed25519 key used as ES256', signedAs('ES256', ed.kid, byEd)],
    ['an Ed25519 signature of zero', signedAs('EdDSA', ed.kid, () => Buffer.alloc(64))],
    [
      'encrypted to us',
      await new CompactEncrypt(Buffer.from(good[1], 'base64url'))
        .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: header.kid })
        .encrypt(encryptionKey),
    ],
  ];
}
