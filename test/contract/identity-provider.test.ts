import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { freePort } from '../support/free-port.ts';
import { closeNow, listen } from '../support/http-server.ts';
import { startStack } from '../support/stack.ts';

const AUDIENCE = 'https://images.example.com';
const CLIENT = { id: 'a-backend', secret: 'a-secret-of-the-test' };
const tokenSchema = z.object({ access_token: z.string() });

/** A certified OpenID provider that hands out JWT access tokens (RFC 9068) for our audience. */
async function startIdentityProvider(): Promise<string> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        getResourceServerInfo: () => ({
          scope: 'images:read',
          audience: AUDIENCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
        }),
      },
    },
  });
  const server = createServer(provider.callback());
  await listen(server, port, '127.0.0.1');
  onTestFinished(() => closeNow(server));
  return issuer;
}

async function tokenFrom(issuer: string): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'images:read' }),
  });
  return tokenSchema.parse(await response.json()).access_token;
}

describe('a real identity provider', () => {
  test('is discovered, and its access tokens let their owner in', async () => {
    const issuer = await startIdentityProvider();
    const { client } = await startStack({
      env: { AUTH_ISSUER: issuer, AUTH_AUDIENCE: AUDIENCE, AUTH_REQUIRED_SCOPE: 'images:read' },
    });
    const authorization = `Bearer ${await tokenFrom(issuer)}`;
    const response = await client.request('/v1/image-projects/complete-1', { headers: { authorization } });
    expect(response.status).toBe(200);
  });

  test('lets nobody in with a token for another audience', async () => {
    const issuer = await startIdentityProvider();
    const { client } = await startStack({
      env: { AUTH_ISSUER: issuer, AUTH_AUDIENCE: 'https://other.example.com' },
    });
    const authorization = `Bearer ${await tokenFrom(issuer)}`;
    const response = await client.request('/v1/image-projects/complete-1', { headers: { authorization } });
    expect(response.json()).toMatchObject({ code: 'token_invalid' });
  });
});
