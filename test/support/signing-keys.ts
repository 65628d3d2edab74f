import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';

export type SigningAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

export interface SigningKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly privateKey: CryptoKey;
  /** As it stands in the JWKS, with `kid`, `alg` and `use`. */
  readonly publicJwk: JWK;
}

/** Making an RSA key takes a tenth of a second, so those that a closed issuer gave back are used again. */
const free: SigningKey[] = [];

/** A key that no other live issuer of this process has. */
export async function takeSigningKey(algorithm: SigningAlgorithm): Promise<SigningKey> {
  const index = free.findIndex((key) => key.algorithm === algorithm);
  const [reused] = index === -1 ? [] : free.splice(index, 1);
  return reused ?? generateSigningKey(algorithm);
}

export function giveBackSigningKeys(keys: readonly SigningKey[]): void {
  free.push(...keys);
}

async function generateSigningKey(algorithm: SigningAlgorithm): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, {
    modulusLength: 2048,
    extractable: true,
  });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, algorithm, privateKey, publicJwk: { ...jwk, kid, alg: algorithm, use: 'sig' } };
}
