import { type JSONWebKeySet, SignJWT } from 'jose';
import { createProofCheck } from '../../src/auth/dpop.ts';
import { createIssuerKeys, type IssuerKeys } from '../../src/auth/issuer-keys.ts';
import type { TokenJudge } from '../../src/auth/token-judge.ts';
import { createTokenVerifier, type TokenVerifier } from '../../src/auth/token-verifier.ts';
import { createLocalOnce } from '../../src/cache/once.ts';
import { NOW_MS } from './builders.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { type SigningKey, takeSigningKey } from './signing-keys.ts';

export const ISSUER = 'https://issuer.example/';
export const AUDIENCE = 'bff';

type Fields = Readonly<Record<string, unknown>>;

/** An Ed25519 key that no other test of this process has. */
export const newKey = (): Promise<SigningKey> => takeSigningKey('EdDSA');

/** A token that is good for five minutes of the manual clock; an `undefined` takes a claim or parameter away. */
export async function signToken(key: SigningKey, claims: Fields = {}, header: Fields = {}): Promise<string> {
  const issuedAt = NOW_MS / 1000;
  const standard = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: issuedAt, exp: issuedAt + 300 };
  return new SignJWT({ ...standard, ...claims })
    .setProtectedHeader({ alg: key.algorithm, kid: key.kid, typ: 'at+jwt', ...header })
    .sign(key.privateKey);
}

export interface FakeIssuer {
  readonly keys: IssuerKeys;
  readonly clock: ManualClock;
  /** How often its keys were asked for. */
  readonly loads: number;
  readonly failures: readonly unknown[];
  /** What it publishes from now on; `undefined` means that it can't be reached. */
  publish(keys: readonly SigningKey[] | undefined): void;
}

/** An issuer's keys, loaded from memory. */
export function createFakeIssuer(
  published: readonly SigningKey[] | undefined,
  maxAgeMs = 600_000,
): FakeIssuer {
  const clock = createManualClock(NOW_MS);
  const failures: unknown[] = [];
  let current = published;
  let loads = 0;
  const load = async (): Promise<JSONWebKeySet> => {
    loads += 1;
    if (current === undefined) throw new Error('the issuer is away');
    return { keys: current.map(({ publicJwk }) => publicJwk as JSONWebKeySet['keys'][number]) };
  };
  return {
    keys: createIssuerKeys({ load, maxAgeMs, clock, onFailure: (error) => failures.push(error) }),
    clock,
    failures,
    get loads() {
      return loads;
    },
    publish(keys) {
      current = keys;
    },
  };
}

/** A verifier that knows of proofs what one process does. */
export function verifierOf(judge: TokenJudge, clock: ManualClock): TokenVerifier {
  return createTokenVerifier(judge, createProofCheck(createLocalOnce(clock), clock), clock);
}
