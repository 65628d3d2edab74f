import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { freePort } from './free-port.ts';
import { closeNow, listen } from './http-server.ts';

export const PROVIDER_AUDIENCE = 'https://images.example.com';
/** A backend of the company, which is given tokens. */
const CLIENT = { id: 'a-backend', secret: 'a-secret-of-the-test' };
/** This service, which may ask about them. */
export const INTROSPECTOR = { id: 'magic-hour-bff', secret: 'a-secret-of-the-service' };

const tokenSchema = z.object({ access_token: z.string(), token_type: z.string() });

export interface IdentityProvider {
  readonly issuer: string;
  /** @param headers of the request for it */
  token(headers?: Readonly<Record<string, string>>): Promise<z.output<typeof tokenSchema>>;
  revoke(token: string): Promise<void>;
  readonly tokenEndpoint: string;
}

/** A certified OpenID provider that hands out access tokens for our audience: JWTs (RFC 9068), or opaque ones. */
export async function startIdentityProvider(
  accessTokenFormat: 'jwt' | 'opaque' = 'jwt',
): Promise<IdentityProvider> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const client = ({ id, secret }: typeof CLIENT, grants: string[]) => ({
    client_id: id,
    client_secret: secret,
    grant_types: grants,
    redirect_uris: [],
    response_types: [],
  });
  const provider = new Provider(issuer, {
    clients: [client(CLIENT, ['client_credentials']), client(INTROSPECTOR, [])],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_context, asking) => asking.clientId === INTROSPECTOR.id,
      },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => PROVIDER_AUDIENCE,
        getResourceServerInfo: () => ({
          scope: 'images:read',
          audience: PROVIDER_AUDIENCE,
          accessTokenFormat,
          accessTokenTTL: 600,
        }),
      },
    },
  });
  const server = createServer(provider.callback());
  await listen(server, port, '127.0.0.1');
  onTestFinished(() => closeNow(server));

  const post = (path: string, form: Readonly<Record<string, string>>, headers = {}) =>
    fetch(`${issuer}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`,
        ...headers,
      },
      body: new URLSearchParams(form),
    });
  return {
    issuer,
    tokenEndpoint: `${issuer}/token`,
    async token(headers) {
      const response = await post(
        '/token',
        { grant_type: 'client_credentials', scope: 'images:read' },
        headers,
      );
      return tokenSchema.parse(await response.json());
    },
    async revoke(token) {
      const { status } = await post('/token/revocation', { token });
      if (status !== 200) throw new Error(`revocation was answered ${status}`);
    },
  };
}
