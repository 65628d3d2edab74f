import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../lookup/ports.ts';
import type { LoginChecks, Provider, Tokens } from './provider.ts';
import type { Sealing } from './sealing.ts';
import type { SessionStore } from './session.ts';
import { unavailable } from './unavailable.ts';

/** What is needed to end a login that was begun, for the browser that began it to bring back. */
export interface BegunLogin {
  readonly state: string;
  /** Sealed: the browser can't read or change it. */
  readonly sealed: string;
  readonly providerUrl: URL;
}

export interface EndedLogin {
  readonly returnTo: string;
  /** The secret of the session that the browser had when it began. */
  readonly before: string | undefined;
  /** Rejects with a ProviderError; with an HttpError where it can't be told whether the login was ended before. */
  readonly tokens: Promise<Tokens>;
}

export interface Login {
  /** @throws (by its promise) ProviderError */
  begin(returnTo: string, before: string | undefined): Promise<BegunLogin>;
  /**
   * @param url that the browser came back with
   * @returns `undefined` where it was not begun here, by this browser and a short time ago, or was ended before
   */
  end(url: URL, sealed: string, state: string): Promise<EndedLogin | undefined>;
}

/** How long a user may take at the provider. */
export const LOGIN_SECONDS = 600;

const PURPOSE = 'login';
const begunSchema = z.object({
  nonce: z.string(),
  codeVerifier: z.string(),
  returnTo: z.string(),
  before: z.string().optional(),
  untilMs: z.number(),
});

/** Of `randomName`; what else comes as a state was not made here. */
export const STATE = /^[A-Za-z0-9_-]{43}$/;
const randomName = () => randomBytes(32).toString('base64url');

/**
 * Authorization code with PKCE (RFC 7636), state and nonce. What a login began with is kept by the browser alone, sealed: whoever
 * asks for the page of logins without end takes no room here.
 */
export function createLogin({
  provider,
  store,
  sealing,
  clock,
}: {
  readonly provider: Pick<Provider, 'beginLogin' | 'finishLogin'>;
  readonly store: Pick<SessionStore, 'remember'>;
  readonly sealing: Sealing;
  readonly clock: Clock;
}): Login {
  return {
    async begin(returnTo, before) {
      const checks: LoginChecks = { state: randomName(), nonce: randomName(), codeVerifier: randomName() };
      const { state, nonce, codeVerifier } = checks;
      const begun = { nonce, codeVerifier, returnTo, before, untilMs: clock.now() + LOGIN_SECONDS * 1000 };
      const providerUrl = await provider.beginLogin(checks);
      return { state, providerUrl, sealed: await sealing.seal(JSON.stringify(begun), PURPOSE, state) };
    },
    async end(url, sealed, state) {
      const content = await sealing.open(sealed, PURPOSE, state);
      const begun = content === undefined ? undefined : begunSchema.safeParse(JSON.parse(content)).data;
      if (begun === undefined || begun.untilMs <= clock.now()) return undefined;
      // A code that came twice has the provider end what it gave for it (RFC 6749, 4.1.2).
      const first = store.remember(`login ${state}`, LOGIN_SECONDS * 1000);
      if (!(await first.catch(() => true))) return undefined;
      const { nonce, codeVerifier, returnTo, before } = begun;
      const finish = () => provider.finishLogin(url, { state, nonce, codeVerifier });
      return { returnTo, before, tokens: first.catch(unavailable).then(finish) };
    },
  };
}
