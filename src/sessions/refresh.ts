import type { TokenVerifier } from '../auth/token-verifier.ts';
import { HttpError } from '../errors.ts';
import type { Clock } from '../lookup/ports.ts';
import { type IdentityRules, identifyTokens } from './identify-tokens.ts';
import { type Provider, ProviderError } from './provider.ts';
import type { Session, SessionStore } from './session.ts';
import { unavailable } from './unavailable.ts';

export type RefreshResult = 'refreshed' | 'ended' | 'unavailable';

export interface RefreshEvents {
  /** @param reason of a refresh that failed */
  sessionRefreshed(result: RefreshResult, reason?: string): void;
}

export interface Refresher {
  /**
   * The session with an access token that is good, a new one where the old is about to end. While the old one is good nobody waits
   * for that.
   *
   * @throws HttpError token_expired where it can't go on, authentication_unavailable where nobody can tell
   */
  current(secret: string, session: Session): Promise<Session>;
}

/** Who waits for another's refresh looks this often, and no oftener than that: six seconds. */
const LOOK_EVERY_MS = 50;
const MOST_LOOKS = 120;

/**
 * Exchanges refresh tokens, one at a time for each session: providers give a new refresh token each time, and take the old one
 * coming a second time for theft, which ends the session (RFC 9700, 4.14.2). The right to it is a lock in Redis, so it
 * holds for parallel tabs at several replicas, too.
 */
export function createRefresher(dependencies: {
  readonly store: SessionStore;
  readonly provider: Pick<Provider, 'refresh' | 'revoke'>;
  readonly verifier: TokenVerifier;
  readonly clock: Clock;
  readonly rules: IdentityRules;
  readonly events: RefreshEvents;
}): Refresher {
  const { store, provider, clock, events } = dependencies;
  /** Of this process, by the secret. */
  const underWay = new Map<string, Promise<Session>>();

  const isGood = ({ accessExpiresAtMs }: Session) => accessExpiresAtMs > clock.now();
  const isDue = ({ refreshAtMs }: Session) => refreshAtMs <= clock.now();

  function refreshOnce(secret: string, session: Session): Promise<Session> {
    const running = underWay.get(secret) ?? refresh(secret, session).finally(() => underWay.delete(secret));
    underWay.set(secret, running);
    return running;
  }

  async function refresh(secret: string, session: Session): Promise<Session> {
    const lock = await store.lockRefresh(secret);
    if (lock === 'cooling') throw new Error('the provider failed a moment ago');
    if (lock === 'taken') return isGood(session) ? session : waitForAnother(secret, session);
    let cool = false;
    try {
      const latest = await store.read(secret);
      if (latest === undefined) throw ended('the session has ended');
      const { refreshToken } = latest;
      // Another was faster.
      if (!isDue(latest) || refreshToken === undefined) return latest;
      return await exchange(secret, latest, refreshToken);
    } catch (error) {
      cool = !(error instanceof HttpError) || error.code !== 'token_expired';
      throw error;
    } finally {
      // A provider that just failed is left alone for a moment.
      await (cool ? lock.coolDown() : lock.release()).catch(() => undefined);
    }
  }

  async function exchange(secret: string, session: Session, refreshToken: string): Promise<Session> {
    const next = await tokensFor(session, refreshToken).catch(async (error: unknown) => {
      const reason = reasonOf(error);
      // What the provider gave is not for this service any more (a scope was taken away), or it gives nothing.
      const over =
        error instanceof HttpError || (error instanceof ProviderError && error.why !== 'unavailable');
      events.sessionRefreshed(over ? 'ended' : 'unavailable', reason);
      if (!over) throw error;
      await store.end(secret, session);
      throw ended(reason);
    });
    if (!(await store.replace(secret, next))) {
      // It was ended meanwhile, and what was just given with it.
      await provider.revoke(next.refreshToken).catch(() => undefined);
      throw ended('the session has ended');
    }
    events.sessionRefreshed('refreshed');
    return next;
  }

  async function tokensFor(session: Session, refreshToken: string) {
    const tokens = await provider.refresh(refreshToken);
    const identified = await identifyTokens(tokens, dependencies, session.identity);
    const [{ issuer, subject }, before] = [identified.identity, session.identity];
    if (issuer !== before.issuer || subject !== before.subject)
      throw new ProviderError('invalid', 'another subject');
    const { accessToken, refreshToken: rotated = refreshToken } = tokens;
    return { ...session, ...identified, accessToken, refreshToken: rotated };
  }

  async function waitForAnother(secret: string, session: Session): Promise<Session> {
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      const latest = await store.read(secret);
      if (latest === undefined) throw ended('the session has ended');
      if (latest.accessToken !== session.accessToken && isGood(latest)) return latest;
    }
    throw new Error("another's refresh brought nothing");
  }

  return {
    async current(secret, session) {
      if (!isDue(session)) return session;
      if (session.refreshToken === undefined) {
        if (isGood(session)) return session;
        throw ended('no refresh token');
      }
      const running = refreshOnce(secret, session);
      if (isGood(session)) {
        // Whoever comes next meets what came of it.
        running.catch(() => undefined);
        return session;
      }
      return running.catch(unavailable);
    },
  };
}

function ended(reason: string): HttpError {
  return new HttpError('token_expired', { reason });
}

function reasonOf(error: unknown): string {
  if (error instanceof ProviderError) return error.reason;
  return error instanceof HttpError ? (error.reason ?? error.code) : 'sessions';
}
