import { KeyObject, sign } from 'node:crypto';
import { badClaims, badTimes, doubledNames } from './hostile-claims.ts';
import { badAlgorithms, badKeys, badSignatures } from './hostile-signatures.ts';
import { badContents, badSpellings } from './hostile-spellings.ts';
import { encodeJson, type NamedToken, type TokenForge } from './token-forge.ts';

/**
 * Tokens that must let nobody in. They are wrong in one way each; whatever else they need to be let in is right, so that
 * nothing but the one fault stands in their way.
 */
export async function hostileTokens(forge: TokenForge): Promise<NamedToken[]> {
  return [
    ...badAlgorithms(forge),
    ...badKeys(forge),
    ...(await badSignatures(forge)),
    ...badTimes(forge),
    ...badClaims(forge),
    ...doubledNames(forge),
    ...badSpellings(forge),
    ...badContents(forge),
  ];
}

/** What is odd and yet right, made as the hostile ones are; each must be let in, or the hostile ones would prove nothing. */
export async function soundTokens(forge: TokenForge): Promise<NamedToken[]> {
  const { issuer, elsewhere, header, claims, nowSeconds, good } = forge;
  const { withHeader, withClaims, withHeaderText, withClaimsText } = forge;
  const text = JSON.stringify(claims);
  const ec = await issuer.addKey('ES256');
  const ecInput = `${encodeJson({ ...header, alg: 'ES256', kid: ec.kid })}.${good[1]}`;
  const ecKey = { key: KeyObject.from(ec.privateKey), dsaEncoding: 'ieee-p1363' } as const;
  return [
    ['with nothing odd', good.join('.')],
    [
      'by the elliptic curve',
      `${ecInput}.${sign('sha256', Buffer.from(ecInput), ecKey).toString('base64url')}`,
    ],
    ['without a typ', withHeader({ typ: undefined })],
    ['with a jku, which nobody follows', withHeader({ jku: elsewhere.jwksUrl, x5u: elsewhere.jwksUrl })],
    ['with the thumbprint of a certificate', withHeader({ x5t: 'thumbprint' })],
    ['with white space in its header', withHeaderText(JSON.stringify(header, null, 2))],
    ['with white space in its claims', withClaimsText(`\n${JSON.stringify(claims, null, '\t')} `)],
    ['with a name that is escaped', withClaimsText(text.replace('"sub"', '"\\u0073ub"'))],
    ['with one name on two levels', withClaims({ act: { sub: 'bob', act: { sub: 'carol' } } })],
    ['with one name in two of a list', withClaims({ roles: [{ id: 1 }, { id: 2 }, ['id', 'id']] })],
    ['with a value that looks like a name', withClaims({ x: '","sub":"root","sub":"', y: 'sub', z: '\\' })],
    // RFC 7519, 4.1.3: one audience of several.
    ['for others, too', withClaims({ aud: ['another', issuer.audience] })],
    ['valid since now by a clock that is a little ahead', withClaims({ nbf: nowSeconds + 3 })],
    ['issued by a clock that is minutes ahead', withClaims({ iat: nowSeconds + 299 })],
    ['with a fraction in its end', withClaims({ exp: nowSeconds + 600.5 })],
    ['of a user with a long name', withClaims({ sub: 'é'.repeat(1024) })],
  ];
}
