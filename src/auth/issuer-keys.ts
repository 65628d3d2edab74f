import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../lookup/ports.ts';
import { createAllowance } from './allowance.ts';

/** The issuer's keys can't be had, so a token can't be judged. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

export interface IssuerKeys {
  /** @throws KeysUnavailableError, or jose's JWKSNoMatchingKey where the issuer has no such key */
  readonly getKey: JWTVerifyGetKey;
  /** Loads them ahead of the first token. */
  warmUp(): Promise<void>;
  /** Whether there are keys to judge tokens with. */
  readonly available: boolean;
}

/** A load after which a token's key is still unknown is paid from this allowance, so that made-up key ids can't cause more. */
const BURST_LOADS = 5;
const LOAD_EVERY_MS = 10_000;
/** An issuer that just failed is left alone for a moment. */
const FAILURE_PAUSE_MS = 1000;

/**
 * Keeps an issuer's keys: loaded when first needed, again in the background when old, and at once when a token names
 * a key that is not known (the issuer rotates). Keys that are known stay in force while the issuer is unreachable.
 *
 * jose's own remote set is not used: it drops all keys when they are old and the issuer fails to answer, and asks
 * a failing issuer again for each token.
 */
export function createIssuerKeys(options: {
  readonly load: () => Promise<JSONWebKeySet>;
  /** Milliseconds after which keys are loaded again, so that one that the issuer withdrew goes. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
}): IssuerKeys {
  const { load, maxAgeMs, clock, onFailure } = options;
  let known: JWTVerifyGetKey | undefined;
  let loadedAtMs = 0;
  let failedAtMs = Number.NEGATIVE_INFINITY;
  let pendingLoad: Promise<void> | undefined;
  const allowance = createAllowance({ burst: BURST_LOADS, everyMs: LOAD_EVERY_MS, clock });

  async function reload(): Promise<void> {
    try {
      known = createLocalJWKSet(await load());
      loadedAtMs = clock.now();
      failedAtMs = Number.NEGATIVE_INFINITY;
    } catch (error) {
      failedAtMs = clock.now();
      onFailure(error);
    }
  }

  function reloadOnce(): Promise<void> {
    pendingLoad ??= reload().finally(() => {
      pendingLoad = undefined;
    });
    return pendingLoad;
  }

  const coolingDown = () => clock.now() - failedAtMs < FAILURE_PAUSE_MS;
  const failing = () => failedAtMs !== Number.NEGATIVE_INFINITY;

  const getKey: JWTVerifyGetKey = async (header, token) => {
    if (known === undefined && !coolingDown()) await reloadOnce();
    if (known === undefined) throw new KeysUnavailableError("the issuer's keys can't be had");
    if (clock.now() - loadedAtMs > maxAgeMs && !coolingDown()) void reloadOnce();
    try {
      return await known(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    if (pendingLoad !== undefined || (!coolingDown() && allowance.take())) await reloadOnce();
    try {
      return await known(header, token);
    } catch (error) {
      // Whether the issuer has this key by now, nobody can say.
      if (error instanceof errors.JWKSNoMatchingKey && failing()) {
        throw new KeysUnavailableError("the issuer can't be asked for this key", { cause: error });
      }
      throw error;
    }
  };

  return {
    getKey,
    warmUp: reloadOnce,
    get available() {
      return known !== undefined;
    },
  };
}
