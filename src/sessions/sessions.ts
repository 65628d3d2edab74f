import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Principal } from '../auth/principal.ts';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import { HttpError } from '../errors.ts';
import type { Clock } from '../lookup/ports.ts';
import { createLruMap } from '../lru-map.ts';
import { type IdentityRules, identifyTokens, sessionPrincipal } from './identify-tokens.ts';
import type { Provider, Tokens } from './provider.ts';
import { createRefresher, type RefreshEvents } from './refresh.ts';
import { SESSION_SECRET, type Session, type SessionStore } from './session.ts';
import { unavailable } from './unavailable.ts';

/** A session that was found for a request. */
export interface OpenSession {
  readonly secret: string;
  readonly session: Session;
  readonly principal: Principal;
}

export interface Sessions {
  /** A new one, under a secret of its own. @throws HttpError */
  begin(tokens: Tokens): Promise<{ readonly secret: string; readonly session: Session }>;
  /**
   * Whose request it is that came with this secret.
   *
   * @param options.toEndSession whether that is all that it is for: then nobody asks the provider for another token
   * @throws HttpError token_invalid, token_expired where there is none (any more); authentication_unavailable
   */
  identify(secret: string, options?: { readonly toEndSession?: boolean }): Promise<OpenSession>;
  /** Ends the one under a secret, if there is one. */
  endBefore(secret: string): Promise<void>;
  /** @throws HttpError token_invalid where it has ended */
  recheck(secret: string): Promise<void>;
  /** Ends it here, and the provider's grant as far as that can be told. @throws HttpError authentication_unavailable */
  end(open: Pick<OpenSession, 'secret' | 'session'>): Promise<void>;
  /** Ends all of the same user's. @returns how many there were */
  endAll(open: Pick<OpenSession, 'secret' | 'session'>): Promise<number>;
}

/** A session that is used is kept alive this often in the time after which one that is not ends. */
const TOUCHES = 10;
const MAX_REMEMBERED = 50_000;

const profile = z.object({
  sub: z.string().min(1),
  sid: z.string().min(1).optional().catch(undefined),
  name: z.string().max(1024).optional().catch(undefined),
  email: z.string().max(1024).optional().catch(undefined),
});

export function createSessions(dependencies: {
  readonly store: SessionStore;
  readonly provider: Provider;
  readonly verifier: TokenVerifier;
  readonly clock: Clock;
  readonly rules: IdentityRules;
  readonly idleMs: number;
  readonly maxMs: number;
  readonly events: RefreshEvents;
}): Sessions {
  const { store, provider, clock, idleMs, maxMs } = dependencies;
  const refresher = createRefresher(dependencies);
  /** When each was kept alive last, from here. */
  const touchedAtMs = createLruMap<number>(MAX_REMEMBERED);

  function keepAlive(secret: string, session: Session): void {
    const nowMs = clock.now();
    if (nowMs - (touchedAtMs.get(secret) ?? Number.NEGATIVE_INFINITY) < idleMs / TOUCHES) return;
    touchedAtMs.set(secret, nowMs);
    store.touch(secret, session).catch(() => touchedAtMs.delete(secret));
  }

  async function begin(tokens: Tokens): ReturnType<Sessions['begin']> {
    const identified = await identifyTokens(tokens, dependencies);
    const known = profile.safeParse(tokens.claims).data;
    if (known === undefined) throw new HttpError('token_invalid', { reason: 'no ID token' });
    const session: Session = {
      ...identified,
      ...known,
      accessToken: tokens.accessToken,
      refreshToken: tokens.refreshToken,
      endsAtMs: clock.now() + maxMs,
    };
    const secret = randomBytes(32).toString('base64url');
    await store.create(secret, session).catch(unavailable);
    return { secret, session };
  }

  async function revoke({ refreshToken }: Pick<Session, 'refreshToken'>): Promise<void> {
    // It is over here, whatever the provider says.
    if (refreshToken !== undefined) await provider.revoke(refreshToken).catch(() => undefined);
  }

  async function end({ secret, session }: Pick<OpenSession, 'secret' | 'session'>): Promise<void> {
    await store.end(secret, session).catch(unavailable);
    void revoke(session);
  }

  return {
    begin: (tokens) =>
      begin(tokens).catch((error: unknown) => {
        // Nobody has a use for what the provider gave.
        void revoke(tokens);
        throw error;
      }),

    async identify(secret, { toEndSession = false } = {}) {
      if (!SESSION_SECRET.test(secret)) throw new HttpError('token_invalid', { reason: 'session cookie' });
      const found = await store.read(secret).catch(unavailable);
      if (found === undefined) throw new HttpError('token_invalid', { reason: 'no such session' });
      if (found.endsAtMs <= clock.now()) throw new HttpError('token_expired', { reason: 'session' });
      if (toEndSession)
        return { secret, session: found, principal: sessionPrincipal(found.identity, found.endsAtMs) };
      keepAlive(secret, found);
      const session = await refresher.current(secret, found);
      const untilMs = Math.min(session.accessExpiresAtMs, session.endsAtMs);
      return { secret, session, principal: sessionPrincipal(session.identity, untilMs) };
    },

    async endBefore(secret) {
      const session = await store.read(secret).catch(unavailable);
      if (session !== undefined) await end({ secret, session });
    },

    async recheck(secret) {
      if (!(await store.exists(secret).catch(unavailable)))
        throw new HttpError('token_invalid', { reason: 'the session has ended' });
    },

    end,

    async endAll(open) {
      const ended = await store.endAllOf(open.session.sub).catch(unavailable);
      // One that its set had lost is ended all the same.
      await end(open);
      return ended;
    },
  };
}
