import { hash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';
import { HttpError } from '../errors.ts';
import type { Clock } from '../lookup/ports.ts';
import { isStrictJws } from './strict-jws.ts';

/** A request with which a key is shown to be its sender's (RFC 9449, 4.2). */
export interface Possession {
  readonly proof: string;
  readonly method: string;
  /** As its sender wrote it; `undefined` where that can't be told. */
  readonly url: string | undefined;
}

/** Remembers proofs, so that none is good twice. */
export interface SeenProofs {
  /** Whether this one comes for the first time within `ttlMs`. */
  first(id: string, ttlMs: number): Promise<boolean>;
}

/** @throws (by its promise) HttpError token_invalid */
export type ProofCheck = (possession: Possession, token: string, thumbprint: string) => Promise<void>;

/** Asymmetric all of them (RFC 9449, 4.2); told to callers in the challenge (7.1). */
export const PROOF_ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
];

/** How old a proof may be, and how far ahead its sender's clock. */
const MAX_AGE_MS = 60_000;
const MAX_AHEAD_MS = 10_000;
/** A proof that is good for one replica's clock can be over for another's: it is remembered for longer than it is good. */
const REMEMBER_MS = 2 * (MAX_AGE_MS + MAX_AHEAD_MS);
const MAX_PROOF_LENGTH = 4096;

/** RFC 7518, 6 and RFC 9964: what a public key has not. */
const PRIVATE_PARTS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

const visibleAscii = z.string().regex(/^[\x21-\x5b\x5d-\x7e]+$/);
const claimsSchema = z.object({
  jti: z.string().min(1).max(256),
  htm: z.string(),
  htu: visibleAscii,
  iat: z.number(),
  ath: z.string(),
});
const headerSchema = z.object({ jwk: z.looseObject({ kty: z.string() }) });

/** Has each proof judged, and taken once. */
export function createProofCheck(seen: SeenProofs, clock: Clock): ProofCheck {
  return async (possession, token, thumbprint) => {
    const { jti } = await judgeProof(possession, token, thumbprint, clock.now());
    // The name of one key's proofs alone: nobody uses up another's.
    const id = hash('sha256', JSON.stringify([thumbprint, jti]), 'base64url');
    if (!(await seen.first(id, REMEMBER_MS))) throw badProof('jti');
  };
}

/**
 * Whether a proof shows that who sends this request holds the key that the token is bound to (RFC 9449, 4.3). Whether it comes
 * for the first time is not told by the proof.
 *
 * @param thumbprint of the key that the token is bound to (RFC 7638, SHA-256)
 * @throws HttpError token_invalid
 */
export async function judgeProof(
  { proof, method, url }: Possession,
  token: string,
  thumbprint: string,
  nowMs: number,
): Promise<{ readonly jti: string }> {
  if (proof.length > MAX_PROOF_LENGTH) throw badProof('length');
  if (!isStrictJws(proof)) throw badProof('spelling');
  const { payload } = await jwtVerify(proof, keyWith(thumbprint), {
    algorithms: PROOF_ALGORITHMS,
    typ: 'dpop+jwt',
    currentDate: new Date(nowMs),
  }).catch(refuse);
  const claims = claimsSchema.safeParse(payload);
  if (!claims.success) throw badProof(String(claims.error.issues[0]?.path[0]));
  const { jti, htm, htu, iat, ath } = claims.data;
  if (htm !== method) throw badProof('htm');
  if (url === undefined || normalisedUrl(htu) !== normalisedUrl(url)) throw badProof('htu');
  const ageMs = nowMs - iat * 1000;
  if (!(ageMs <= MAX_AGE_MS && ageMs >= -MAX_AHEAD_MS)) throw badProof('iat');
  if (ath !== hash('sha256', token, 'base64url')) throw badProof('ath');
  return { jti };
}

/** The key that the proof itself holds, which must be the one of the token before it is used for anything. */
function keyWith(thumbprint: string): JWTVerifyGetKey {
  return async (header, token) => {
    const { data } = headerSchema.safeParse(header);
    if (data === undefined || PRIVATE_PARTS.some((part) => part in data.jwk)) throw badProof('jwk');
    if ((await calculateJwkThumbprint(data.jwk)) !== thumbprint) throw badProof('jkt');
    return EmbeddedJWK(header, token);
  };
}

function refuse(error: unknown): never {
  if (error instanceof HttpError) throw error;
  if (error instanceof errors.JWTClaimValidationFailed) throw badProof(error.claim);
  throw badProof(error instanceof errors.JOSEError ? error.code : 'unreadable');
}

/** @param reason for logs: the name of a parameter or claim, or a word; never a value */
export function badProof(reason: string): HttpError {
  return new HttpError('token_invalid', { reason: `DPoP proof: ${reason}`, dpop: 'bad_proof' });
}

/**
 * An address without its query and fragment, in the one spelling that RFC 3986, 6.2.2 and 6.2.3 give it.
 *
 * @returns NaN, which equals nothing, where it is none
 */
function normalisedUrl(text: string): string | number {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username + url.password !== '')
    return Number.NaN;
  const path = url.pathname.replace(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : encoded.toUpperCase();
  });
  return `${url.origin}${path}`;
}
