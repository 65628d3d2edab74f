import type { NamedToken, TokenForge } from './token-forge.ts';

export function badTimes({ nowSeconds, claims, withClaims, withClaimsText }: TokenForge): NamedToken[] {
  /** What JSON.stringify would not write. */
  const withRaw = (name: string, value: string) =>
    withClaimsText(JSON.stringify({ ...claims, [name]: '~' }).replace('"~"', value));
  return [
    ['expired', withClaims({ exp: nowSeconds - 1 })],
    ['expired since 1970', withClaims({ exp: 0 })],
    ['expired before 1970', withClaims({ exp: -nowSeconds })],
    ['no exp', withClaims({ exp: undefined })],
    ['exp as a string', withClaims({ exp: String(nowSeconds + 600) })],
    ['exp as null', withClaims({ exp: null })],
    ['exp as true', withClaims({ exp: true })],
    ['exp as a list', withClaims({ exp: [nowSeconds + 600] })],
    ['exp that is NaN', withRaw('exp', 'NaN')],
    ['exp without an end', withRaw('exp', '1e400')],
    ['exp that no date can tell', withRaw('exp', '1e300')],
    ['not valid yet', withClaims({ nbf: nowSeconds + 600 })],
    ['never valid', withRaw('nbf', '1e400')],
    ['nbf as a string', withClaims({ nbf: 'now' })],
    ['issued in the future', withClaims({ iat: nowSeconds + 3600 })],
    ['issued at the end of time', withRaw('iat', '1e400')],
    ['iat as a string', withClaims({ iat: String(nowSeconds) })],
  ];
}

export function badClaims({ issuer, claims, withClaims, withClaimsText }: TokenForge): NamedToken[] {
  const { sub: _sub, ...nobody } = claims;
  return [
    ['another iss', withClaims({ iss: 'https://evil.example' })],
    ['iss with a slash more', withClaims({ iss: `${issuer.issuer}/` })],
    ['iss in capitals', withClaims({ iss: issuer.issuer.toUpperCase() })],
    ['iss as a list', withClaims({ iss: [issuer.issuer] })],
    ['no iss', withClaims({ iss: undefined })],
    ['another aud', withClaims({ aud: 'another' })],
    ['aud with a suffix', withClaims({ aud: `${issuer.audience}.evil.example` })],
    ['aud in capitals', withClaims({ aud: issuer.audience.toUpperCase() })],
    ['several auds in one string', withClaims({ aud: `${issuer.audience} another` })],
    ['aud as a list without ours', withClaims({ aud: ['a', 'b'] })],
    ['aud as an empty list', withClaims({ aud: [] })],
    ['aud as a list in a list', withClaims({ aud: [[issuer.audience]] })],
    ['aud as a list of ours and what is no name', withClaims({ aud: [issuer.audience, 1, null] })],
    ['aud as an object', withClaims({ aud: { [issuer.audience]: true } })],
    ['no aud', withClaims({ aud: undefined })],
    ['no sub', withClaims({ sub: undefined })],
    ['an empty sub', withClaims({ sub: '' })],
    ['sub as a number', withClaims({ sub: 1 })],
    ['sub as null', withClaims({ sub: null })],
    ['sub as a list', withClaims({ sub: ['alice'] })],
    ['sub as an object', withClaims({ sub: { toString: 'alice' } })],
    [
      'sub of a prototype',
      withClaimsText(JSON.stringify({ ...nobody, proto: { sub: 'alice' } }).replace('proto', '__proto__')),
    ],
    ['a huge sub', withClaims({ sub: 'a'.repeat(1025) })],
    ['bound to a key', withClaims({ cnf: { jkt: 'thumbprint' } })],
  ];
}

/** Names that stand twice, so that two readers can take the token for two things. */
export function doubledNames({
  header: { kid },
  nowSeconds,
  claims,
  withHeaderText,
  withClaimsText,
}: TokenForge): NamedToken[] {
  const members = JSON.stringify(claims).slice(1, -1);
  return [
    ['two subs', withClaimsText(`{${members},"sub":"root"}`)],
    ['one sub twice', withClaimsText(`{${members},"sub":"alice"}`)],
    ['two subs, one of them escaped', withClaimsText(`{${members},"s\\u0075b":"root"}`)],
    ['two subs with a list between them', withClaimsText(`{"sub":"root","x":[{"sub":"a"},"]}"],${members}}`)],
    ['two exps', withClaimsText(`{"exp":${nowSeconds - 60},${members}}`)],
    ['two isses', withClaimsText(`{"iss":"https://evil.example",${members}}`)],
    ['two auds', withClaimsText(`{"aud":"another",${members}}`)],
    ['two members of one name further in', withClaimsText(`{${members},"x":[{"a":1,"a":2}]}`)],
    ['two algs', withHeaderText(`{"alg":"none","alg":"RS256","kid":"${kid}"}`)],
    ['two algs, one of them escaped', withHeaderText(`{"\\u0061lg":"none","alg":"RS256","kid":"${kid}"}`)],
    ['two kids', withHeaderText(`{"alg":"RS256","kid":"other","kid":"${kid}"}`)],
  ];
}
