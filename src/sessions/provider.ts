/** What a provider gave for a code, or for a refresh token. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Seconds that the access token lives, if the provider said so. */
  readonly expiresInSeconds: number | undefined;
  /** As granted, where the provider says so. */
  readonly scopes: readonly string[] | undefined;
  /** Of the ID token, if there is one; its signature, issuer, audience, nonce and times were checked. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

/** What a login began with, and its answer is checked by. */
export interface LoginChecks {
  readonly state: string;
  readonly nonce: string;
  /** Of PKCE (RFC 7636). */
  readonly codeVerifier: string;
}

/** Why a provider gave nothing: it can't be asked, it (or its user) refused, or what it sent can't be believed. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly why: 'unavailable' | 'refused' | 'invalid';
  /** A code of OAuth's (RFC 6749, 4.1.2.1 and 5.2) or of the library's; nothing of a token's. */
  readonly reason: string;

  constructor(why: ProviderError['why'], reason: string, cause?: unknown) {
    super(`the identity provider: ${why}`, { cause });
    this.why = why;
    this.reason = reason;
  }
}

/** The identity provider, to which this service is a confidential client. Every call rejects with a ProviderError. */
export interface Provider {
  beginLogin(checks: LoginChecks): Promise<URL>;
  /** @param url that the browser came back with */
  finishLogin(url: URL, checks: LoginChecks): Promise<Tokens>;
  refresh(refreshToken: string): Promise<Tokens>;
  /** RFC 7009; does nothing where the provider knows no revocation. */
  revoke(refreshToken: string): Promise<void>;
  /** Where the user ends their session at the provider, if it has such a page; no token stands in it. */
  logoutUrl(returnTo: string): Promise<URL | undefined>;
}
