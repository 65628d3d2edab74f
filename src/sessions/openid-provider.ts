import * as oidc from 'openid-client';
import { z } from 'zod';
import { type Provider, ProviderError, type Tokens } from './provider.ts';

export interface ProviderSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientAuthMethod: 'client_secret_basic' | 'client_secret_post';
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  /** Beside those that a login always has. */
  readonly authorizationParameters: Readonly<Record<string, string>>;
}

const PROVIDER_TIMEOUT_SECONDS = 5;
/** The provider's metadata is read again so often: it may move its endpoints. */
const METADATA_MAX_AGE_MS = 10 * 60_000;
/** For `iat`, `nbf` and `exp` of ID tokens, which decide on nothing later than the login. */
const CLOCK_TOLERANCE_SECONDS = 60;

/** A provider that could not be asked is left alone for a moment. */
const FAILURE_PAUSE_MS = 2000;
/** Of OAuth and OpenID Connect: the grant, or its user, has to begin anew. */
const OVER = new Set(['invalid_grant', 'interaction_required', 'login_required', 'consent_required']);

const codeSchema = z.looseObject({ error: z.string().optional(), code: z.string().optional() });

interface Configurations {
  /** Checks the signatures of ID tokens as well. */
  readonly logins: oidc.Configuration;
  /**
   * For what comes by TLS from the provider itself, which may stand in for a signature (OpenID Connect Core, 3.1.3.7): a refresh
   * token that was exchanged must not be lost because the keys can't be had at that moment.
   */
  readonly grants: oidc.Configuration;
}

/** @param clientSecret as it is at the moment: it may be exchanged while the service runs */
export function createOpenIdProvider(
  settings: ProviderSettings,
  clientSecret: () => string,
  now: () => number,
): Provider {
  const { issuer, clientId, redirectUri } = settings;
  // RFC 8707, 2.2: whom an access token is for is said at the token endpoint, too.
  const { resource: asked } = settings.authorizationParameters;
  const resource: Record<string, string> = asked === undefined ? {} : { resource: asked };
  let known: (Configurations & { readonly secret: string; readonly atMs: number }) | undefined;
  let failed: { readonly atMs: number; readonly reason: string } | undefined;
  let pending: Promise<Configurations> | undefined;

  async function discover(secret: string): Promise<Configurations> {
    const auth =
      settings.clientAuthMethod === 'client_secret_post' ? oidc.ClientSecretPost : oidc.ClientSecretBasic;
    const metadata = { client_secret: secret, [oidc.clockTolerance]: CLOCK_TOLERANCE_SECONDS };
    const insecure = new URL(issuer).protocol === 'http:' ? [oidc.allowInsecureRequests] : [];
    const grants = await oidc.discovery(new URL(issuer), clientId, metadata, auth(secret), {
      timeout: PROVIDER_TIMEOUT_SECONDS,
      execute: insecure,
    });
    const logins = new oidc.Configuration(grants.serverMetadata(), clientId, metadata, auth(secret));
    logins.timeout = PROVIDER_TIMEOUT_SECONDS;
    for (const enable of [...insecure, oidc.enableNonRepudiationChecks]) enable(logins);
    const found = { secret, atMs: now(), grants, logins };
    known = found;
    return found;
  }

  async function configurations(): Promise<Configurations> {
    const secret = clientSecret();
    const usable = known?.secret === secret ? known : undefined;
    if (usable !== undefined && now() - usable.atMs < METADATA_MAX_AGE_MS) return usable;
    if (failed !== undefined && now() - failed.atMs < FAILURE_PAUSE_MS) {
      // What is known goes on to hold while the provider can't be asked.
      if (usable !== undefined) return usable;
      throw new ProviderError('unavailable', failed.reason);
    }
    pending ??= discover(secret).finally(() => {
      pending = undefined;
    });
    try {
      return await pending;
    } catch (cause) {
      failed = { atMs: now(), reason: reasonOf(cause) };
      if (usable !== undefined) return usable;
      throw new ProviderError('unavailable', failed.reason, cause);
    }
  }

  async function ask<T>(work: (config: Configurations) => Promise<T>): Promise<T> {
    const config = await configurations();
    try {
      return await work(config);
    } catch (error) {
      throw providerError(error);
    }
  }

  return {
    async beginLogin({ state, nonce, codeVerifier }) {
      const { logins } = await configurations();
      return oidc.buildAuthorizationUrl(logins, {
        ...settings.authorizationParameters,
        redirect_uri: redirectUri,
        scope: scopesFor(settings.scopes, logins).join(' '),
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
      });
    },
    finishLogin: (url, { state, nonce, codeVerifier }) =>
      ask(async ({ logins }) =>
        tokensOf(
          await oidc.authorizationCodeGrant(
            logins,
            url,
            {
              expectedState: state,
              expectedNonce: nonce,
              pkceCodeVerifier: codeVerifier,
              idTokenExpected: true,
            },
            resource,
          ),
          scopesFor(settings.scopes, logins),
        ),
      ),
    refresh: (refreshToken) =>
      ask(async ({ grants }) => tokensOf(await oidc.refreshTokenGrant(grants, refreshToken, resource))),
    revoke: (refreshToken) =>
      ask(async ({ grants }) => {
        if (grants.serverMetadata().revocation_endpoint === undefined) return;
        await oidc.tokenRevocation(grants, refreshToken, { token_type_hint: 'refresh_token' });
      }),
    async logoutUrl(returnTo) {
      // Whoever logs out need not wait for the provider.
      const { grants } = known ?? (await configurations());
      if (grants.serverMetadata().end_session_endpoint === undefined) return undefined;
      return oidc.buildEndSessionUrl(grants, { post_logout_redirect_uri: returnTo });
    },
  };
}

/** A provider that says what it knows is not asked for `offline_access` where it doesn't know it. */
function scopesFor(scopes: readonly string[], config: oidc.Configuration): readonly string[] {
  const known = config.serverMetadata().scopes_supported;
  return scopes.filter((scope) => scope !== 'offline_access' || known === undefined || known.includes(scope));
}

type TokenResponse = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers;

/** @param asked scopes, which were granted where the provider says nothing else (RFC 6749, 5.1) */
function tokensOf(response: TokenResponse, asked?: readonly string[]): Tokens {
  return {
    accessToken: response.access_token,
    refreshToken: response.refresh_token,
    expiresInSeconds: response.expiresIn(),
    scopes: response.scope?.split(' ') ?? asked,
    claims: response.claims(),
  };
}

function providerError(error: unknown): ProviderError {
  const reason = reasonOf(error);
  if (error instanceof oidc.AuthorizationResponseError) return new ProviderError('refused', reason, error);
  if (error instanceof oidc.ResponseBodyError) {
    // Providers differ in the status that they say it with.
    const why = error.status < 500 && OVER.has(error.error) ? 'refused' : 'unavailable';
    return new ProviderError(why, reason, error);
  }
  if (error instanceof oidc.ClientError && !isTransport(error))
    return new ProviderError('invalid', reason, error);
  return new ProviderError('unavailable', reason, error);
}

const TRANSPORT = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_PARSE_ERROR',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
]);

/** By the library's codes, for what came of the network, or says nothing. */
function isTransport({ code }: oidc.ClientError): boolean {
  return code !== undefined && TRANSPORT.has(code);
}

function reasonOf(error: unknown): string {
  const { error: oauth, code } = codeSchema.catch({}).parse(error);
  return oauth ?? code ?? 'unreachable';
}
