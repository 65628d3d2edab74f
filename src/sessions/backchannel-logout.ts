import { jwtVerify } from 'jose';
import { z } from 'zod';
import { type IssuerKeys, KeysUnavailableError } from '../auth/issuer-keys.ts';
import { isStrictJws } from '../auth/strict-jws.ts';
import type { Clock } from '../lookup/ports.ts';
import type { SessionStore } from './session.ts';
import { unavailable } from './unavailable.ts';

/** OpenID Connect Back-Channel Logout 1.0, 2.4. */
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const MAX_LENGTH = 8192;
/** A provider sends it at once; clocks differ a little. */
const MAX_AGE_SECONDS = 120;
const CLOCK_TOLERANCE_SECONDS = 60;

const claimsSchema = z
  .looseObject({
    jti: z.string().min(1),
    iat: z.number(),
    events: z.looseObject({ [EVENT]: z.looseObject({}) }),
    sub: z.string().min(1).optional(),
    sid: z.string().min(1).optional(),
    nonce: z.undefined().optional(),
  })
  .refine(({ sub, sid }) => sub !== undefined || sid !== undefined);

/** 2.4 recommends its own type and no more; what else a provider signs is told apart by `events`. */
const typeSchema = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['logout+jwt', 'application/logout+jwt', 'jwt']))
  .optional();

export interface BackchannelLogout {
  /**
   * Ends the sessions that the provider names.
   *
   * @returns how many there were; `undefined` for what is no logout token of the provider's
   * @throws HttpError authentication_unavailable
   */
  take(logoutToken: string): Promise<number | undefined>;
}

/** Has the provider end sessions: where a user signs out there, or is locked out. */
export function createBackchannelLogout(options: {
  readonly issuer: string;
  readonly clientId: string;
  readonly algorithms: readonly string[];
  readonly keys: Pick<IssuerKeys, 'getKey'>;
  readonly store: Pick<SessionStore, 'endAllOf' | 'endNamed' | 'remember' | 'remembers'>;
  readonly clock: Clock;
}): BackchannelLogout {
  const { issuer, clientId, algorithms, keys, store, clock } = options;

  async function claimsOf(token: string): Promise<z.output<typeof claimsSchema> | undefined> {
    if (token.length > MAX_LENGTH || !isStrictJws(token)) return undefined;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys.getKey, {
        issuer,
        audience: clientId,
        algorithms: [...algorithms],
        requiredClaims: ['iat', 'exp'],
        maxTokenAge: MAX_AGE_SECONDS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(clock.now()),
      });
      return typeSchema.safeParse(protectedHeader.typ).success
        ? claimsSchema.safeParse(payload).data
        : undefined;
    } catch (error) {
      if (error instanceof KeysUnavailableError) return unavailable(error);
      return undefined;
    }
  }

  /** 2.4: with a `sid` that session is meant, without one all of the user's. */
  async function end(sub: string | undefined, sid: string | undefined): Promise<number> {
    if (sid !== undefined) return store.endNamed(sid, sub);
    return sub === undefined ? 0 : store.endAllOf(sub);
  }

  return {
    async take(token) {
      const claims = await claimsOf(token);
      if (claims === undefined) return undefined;
      const { jti, sub, sid } = claims;
      const memoryMs = (MAX_AGE_SECONDS + 2 * CLOCK_TOLERANCE_SECONDS) * 1000;
      const what = `logout ${issuer} ${jti}`;
      try {
        // Sent again it would end sessions that began since.
        if (await store.remembers(what)) return 0;
        const ended = await end(sub, sid);
        // Only now: what could not be done has to be done when it comes again.
        await store.remember(what, memoryMs);
        return ended;
      } catch (error) {
        return unavailable(error);
      }
    },
  };
}
