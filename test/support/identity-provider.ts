import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import Provider from 'oidc-provider';
import { z } from 'zod';
import { freePort } from './free-port.ts';
import { closeNow, listen } from './http-server.ts';

export const PROVIDER_AUDIENCE = 'https://images.example.com';
export const PROVIDER_CLIENT = { id: 'magic-hour-bff', secret: 'the-secret-of-the-client-of-the-test' };

const BACKEND = { id: 'a-backend', secret: 'the-secret-of-a-backend' };
const tokenSchema = z.object({ access_token: z.string() });
const givenSchema = z.object({
  access_token: z.string(),
  refresh_token: z.string().optional(),
  id_token: z.string().optional(),
});

export interface IdentityProviderOptions {
  /** Origin of the service whose users log in. */
  readonly baseUrl: string;
  /** Where the provider itself reaches the service; default the same. */
  readonly backchannelUrl?: string;
  readonly accessTokenSeconds?: number;
  readonly refreshTokenSeconds?: number;
  /** Default `jwt`, for our audience; `opaque` is for the provider alone to read. */
  readonly accessTokens?: 'jwt' | 'opaque';
  readonly refreshTokens?: boolean;
}

/** A certified OpenID provider over HTTP, with a page to log in by a name alone. */
export interface IdentityProvider {
  readonly issuer: string;
  /** Requests so far by the path: `/token`, `/auth`, … */
  count(path: string): number;
  /** The next token requests are answered like that; none any more after `undefined`. */
  failTokens(status: number | undefined): void;
  /** What token requests are answered is done, but not sent until the function that is returned is called. */
  holdTokens(): () => void;
  /** All tokens so far that it gave to users' clients. */
  readonly given: readonly string[];
  /** An access token of a client that has no user: whoever has one needs no session. */
  clientToken(): Promise<string>;
  /** Ends all that the provider remembers of a grant: its refresh tokens are good for nothing. */
  revokeAll(): Promise<void>;
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

const interactionSchema = z.looseObject({ uid: z.string(), prompt: z.looseObject({ name: z.string() }) });

export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const { baseUrl, accessTokenSeconds = 600, refreshTokenSeconds = 86_400 } = options;
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const grants = new Set<string>();
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: PROVIDER_CLIENT.id,
        client_secret: PROVIDER_CLIENT.secret,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: [`${baseUrl}/auth/callback`],
        post_logout_redirect_uris: [`${baseUrl}/`],
        backchannel_logout_uri: `${options.backchannelUrl ?? baseUrl}/auth/backchannel-logout`,
        backchannel_logout_session_required: true,
      },
      {
        client_id: BACKEND.id,
        client_secret: BACKEND.secret,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
    ],
    scopes: ['openid', 'offline_access', 'profile', 'email'],
    claims: { openid: ['sub', 'org'], profile: ['name'], email: ['email'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['a key of the test'] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = `<!doctype html>${form}<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`;
        },
        postLogoutSuccessSource: (ctx) => {
          ctx.body = 'signed out';
        },
      },
      resourceIndicators: {
        enabled: options.accessTokens !== 'opaque',
        defaultResource: () => PROVIDER_AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'images:read',
          audience: PROVIDER_AUDIENCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: accessTokenSeconds,
        }),
      },
    },
    ttl: {
      AccessToken: () => accessTokenSeconds,
      RefreshToken: () => refreshTokenSeconds,
      AuthorizationCode: 60,
      IdToken: 600,
      Grant: 86_400,
      Interaction: 600,
      Session: 86_400,
    },
    // Its own way refuses addresses of this machine.
    fetch: (url, { method = 'GET', headers = {}, body = null } = {}) => fetch(url, { method, headers, body }),
    issueRefreshToken: () => options.refreshTokens !== false,
    rotateRefreshToken: true,
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({ sub, org: 'acme', name: `${sub} Example`, email: `${sub}@example.com` }),
    }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    async extraTokenClaims() {
      return { org: 'acme' };
    },
    async loadExistingGrant(ctx) {
      const grant = new provider.Grant({
        accountId: ctx.oidc.session?.accountId ?? '',
        clientId: ctx.oidc.client?.clientId ?? '',
      });
      grant.addOIDCScope('openid offline_access profile email');
      grant.addResourceScope(PROVIDER_AUDIENCE, 'images:read');
      grants.add(await grant.save());
      return grant;
    },
  });
  // What it says of itself is for whoever runs it.
  provider.on('server_error', () => undefined);

  const counts = new Map<string, number>();
  let failing: number | undefined;
  let holding: Promise<void> | undefined;
  const given: string[] = [];
  const callback = provider.callback();
  const server = createServer(async (req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '/', issuer);
    counts.set(pathname, (counts.get(pathname) ?? 0) + 1);
    if (pathname === '/token') {
      watchAnswer(res, (body) => {
        const tokens = givenSchema.safeParse(body).data;
        given.push(...Object.values(tokens ?? {}).filter((token) => token !== undefined));
        return holding;
      });
    }
    if (pathname === '/token' && failing !== undefined) return void res.writeHead(failing).end();
    if (pathname.startsWith('/interaction/'))
      return interact(req, res, searchParams).catch(() => void res.writeHead(400).end());
    return callback(req, res);
  });

  /** The page of the provider: a user's name is all that it asks for. */
  async function interact(req: IncomingMessage, res: ServerResponse, asked: URLSearchParams): Promise<void> {
    const { uid } = interactionSchema.parse(await provider.interactionDetails(req, res));
    const user = asked.get('user');
    if (user === null) {
      res.writeHead(200, { 'Content-Type': 'text/html' });
      res.end(
        `<!doctype html><title>Sign in</title><form action="/interaction/${uid}"><label>User <input name="user"></label><button>Sign in</button></form>`,
      );
      return;
    }
    const result =
      user === 'nobody' ? { error: 'access_denied' } : { login: { accountId: user, remember: true } };
    await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  }

  await listen(server, port, '127.0.0.1');
  return {
    issuer,
    count: (path) => counts.get(path) ?? 0,
    failTokens: (status) => {
      failing = status;
    },
    given,
    holdTokens() {
      const { promise, resolve } = Promise.withResolvers<void>();
      holding = promise;
      return resolve;
    },
    async clientToken() {
      const basic = Buffer.from(`${BACKEND.id}:${BACKEND.secret}`).toString('base64');
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${basic}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'images:read' }),
      });
      return tokenSchema.parse(await response.json()).access_token;
    },
    async revokeAll() {
      for (const id of grants) {
        await provider.RefreshToken.revokeByGrantId(id);
        await (await provider.Grant.find(id))?.destroy();
      }
    },
    down: () => closeNow(server),
    up: async () => void (await listen(server, port, '127.0.0.1')),
    close: () => closeNow(server),
  };
}

/** @param told what the body is, just before it is sent; then it waits for what is returned */
function watchAnswer(res: ServerResponse, told: (body: unknown) => Promise<void> | undefined): void {
  const end = res.end;
  res.end = (...given: unknown[]) => {
    const [body] = given;
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body.toString() : 'null';
    const send = () => Reflect.apply(end, res, given);
    void Promise.resolve(told(JSON.parse(text))).then(send);
    return res;
  };
}
