import { hash, randomUUID } from 'node:crypto';
import {
  calculateJwkThumbprint,
  exportJWK,
  type GenerateKeyPairOptions,
  generateKeyPair,
  type JWK,
  SignJWT,
} from 'jose';

type Fields = Readonly<Record<string, unknown>>;

/** A key that tokens can be bound to, and its holder. */
export interface DpopKey {
  readonly thumbprint: string;
  readonly publicJwk: JWK;
  readonly privateJwk: JWK;
  /**
   * A proof for one request (RFC 9449, 4.2): `jti`, `htm` "GET", `htu`, `iat` and, where a token is named, `ath`, with what
   * `claims` and `header` lay over them; `undefined` takes one away.
   */
  proof(request: ProofRequest, claims?: Fields, header?: Fields): Promise<string>;
}

export interface ProofRequest {
  readonly url: string;
  readonly method?: string;
  readonly token?: string;
  /** Unix milliseconds. */
  readonly nowMs?: number;
}

export async function createDpopKey(
  algorithm = 'ES256',
  options: GenerateKeyPairOptions = {},
): Promise<DpopKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true, ...options });
  const publicJwk = await exportJWK(publicKey);
  return {
    thumbprint: await calculateJwkThumbprint(publicJwk),
    publicJwk,
    privateJwk: await exportJWK(privateKey),
    proof({ url, method = 'GET', token, nowMs = Date.now() }, claims = {}, header = {}) {
      const standard = {
        jti: randomUUID(),
        htm: method,
        htu: url,
        iat: Math.floor(nowMs / 1000),
        ath: token === undefined ? undefined : hash('sha256', token, 'base64url'),
      };
      return new SignJWT({ ...standard, ...claims })
        .setProtectedHeader({ typ: 'dpop+jwt', alg: algorithm, jwk: publicJwk, ...header })
        .sign(privateKey, { crit: { x: true } });
    },
  };
}
