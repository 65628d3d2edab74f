import { onTestFinished } from 'vitest';
import { freePort } from './free-port.ts';
import {
  type IdentityProvider,
  type IdentityProviderOptions,
  PROVIDER_AUDIENCE,
  PROVIDER_CLIENT,
  startIdentityProvider,
} from './identity-provider.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import { eventually, type Stack, type StackOptions, startStack } from './stack.ts';
import { createUserAgent, type UserAgent } from './user-agent.ts';

export interface SessionStack {
  readonly stack: Stack;
  readonly provider: IdentityProvider;
  readonly redis: RedisServer;
  /** Origin of the service. */
  readonly baseUrl: string;
  readonly env: Readonly<Record<string, string>>;
  /** Logs a user in, in a browser of their own where none is given, up to the page that they return to. */
  login(user?: string, agent?: UserAgent, returnTo?: string): Promise<UserAgent>;
  /** A request of a page of ours. */
  ask(agent: UserAgent, path: string, init?: RequestInit): ReturnType<UserAgent['request']>;
}

export interface SessionStackOptions extends StackOptions {
  readonly provider?: Omit<IdentityProviderOptions, 'baseUrl'>;
  /** Default: the service's own address. */
  readonly baseUrl?: string;
}

/** What a service is set to for logins at a provider. */
export function sessionSettings(
  { issuer }: Pick<IdentityProvider, 'issuer'>,
  redis: Pick<RedisServer, 'url'>,
  baseUrl: string,
) {
  return {
    AUTH_ISSUER: issuer,
    AUTH_AUDIENCE: PROVIDER_AUDIENCE,
    AUTH_TENANT_CLAIM: 'org',
    REDIS_URL: redis.url,
    SESSION_CLIENT_ID: PROVIDER_CLIENT.id,
    SESSION_CLIENT_SECRET: PROVIDER_CLIENT.secret,
    SESSION_BASE_URL: baseUrl,
  };
}

/** A service whose users log in at a real identity provider, with their sessions in a real Redis. */
export async function startSessionStack(options: SessionStackOptions = {}): Promise<SessionStack> {
  const port = await freePort();
  const baseUrl = options.baseUrl ?? `http://127.0.0.1:${port}`;
  const [provider, redis] = await Promise.all([
    startIdentityProvider({ backchannelUrl: `http://127.0.0.1:${port}`, ...options.provider, baseUrl }),
    startRedisServer(),
  ]);
  onTestFinished(async () => {
    await provider.close();
    redis.resume();
    await redis.stop();
  });
  const env = { ...sessionSettings(provider, redis, baseUrl), ...options.env };
  const stack = await startStack({ ...options, env: { ...env, PORT: `${port}` } });
  await eventually(async () => (await stack.metric('redis_up')) === 1);

  return {
    stack,
    provider,
    redis,
    baseUrl,
    env,
    async login(user = 'alice', agent = createUserAgent(), returnTo = '/app') {
      const page = await agent.follow(
        `${stack.service.publicUrl}/auth/login?return_to=${encodeURIComponent(returnTo)}`,
        (url) => url.startsWith(`${baseUrl}${returnTo}`),
      );
      // The provider knows a browser that logged in before.
      if (!page.url.includes('/interaction/')) return agent;
      await agent.follow(`${page.url}?user=${user}`, (url) => url.startsWith(`${baseUrl}${returnTo}`));
      return agent;
    },
    ask: (agent, path, init = {}) =>
      agent.request(stack.service.publicUrl + path, {
        ...init,
        headers: { 'X-CSRF': '1', ...init.headers },
      }),
  };
}
