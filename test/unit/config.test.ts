import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, type Environment, loadConfig, readVariables } from '../../src/config.ts';

const REQUIRED = {
  MAGIC_HOUR_API_KEY: 'mhk_live_1',
  AUTH_ISSUER: 'https://issuer.example/',
  AUTH_AUDIENCE: 'bff',
};
const folder = mkdtempSync(join(tmpdir(), 'config-'));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const load = (environment: Environment = {}) => loadConfig({ ...REQUIRED, ...environment });

function faultsOf(environment: Environment): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  test('has the defaults of the contract', () => {
    expect(load()).toEqual({
      upstream: {
        apiKey: { value: 'mhk_live_1' },
        nextApiKey: undefined,
        baseUrl: 'https://api.magichour.ai',
        timeoutMs: 5000,
        retries: 2,
        deadlineMs: 12_000,
        maxConcurrency: 64,
        maxQueue: 256,
        maxResponseBytes: 1_048_576,
        budgetMax: undefined,
        budgetTenantShare: 0.5,
      },
      http: { host: '0.0.0.0', port: 8080, corsOrigins: [], trustProxy: [] },
      ops: { host: '127.0.0.1', port: 9464 },
      redis: {
        url: undefined,
        clusterNodes: [],
        sentinelNodes: [],
        sentinelName: undefined,
        keyPrefix: 'mhbff:',
        commandTimeoutMs: 250,
      },
      auth: {
        accessPolicy: 'authenticated',
        ownerTtlSeconds: 0,
        introspectionCacheSeconds: 30,
        dpopPublicUrl: undefined,
        issuers: [
          {
            setting: 'AUTH_ISSUER',
            issuer: 'https://issuer.example/',
            audience: 'bff',
            jwksUrl: undefined,
            jwksFile: undefined,
            algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
            userClaim: 'sub',
            tenantClaim: undefined,
            planClaim: undefined,
            requiredScope: undefined,
            mayAssignOwners: true,
            introspection: undefined,
          },
        ],
      },
      rateLimit: {
        max: 600,
        windowSeconds: 60,
        ipMax: 6000,
        plans: new Map(),
        tenantMax: undefined,
        upstreamMax: undefined,
        expectedReplicas: 1,
        notFoundMax: 200,
        notFoundWindowSeconds: 600,
      },
      cache: {
        expiryMarginSeconds: 30,
        terminalTtlSeconds: 60,
        pendingTtlMs: 1000,
        notFoundTtlSeconds: 5,
        memoryMaxBytes: 67_108_864,
        memoryTtlSeconds: 30,
      },
      watch: { minIntervalMs: 500, maxIntervalMs: 10_000 },
      events: { maxStreamsPerUser: 20 },
      log: { level: 'info', hitSampleRatio: 1 },
      shutdown: { delaySeconds: 0, graceSeconds: 20 },
      tracing: {
        endpoint: undefined,
        headers: {},
        serviceName: 'magic-hour-bff',
        sampler: 'parentbased_always_on',
        samplerArg: 1,
        resourceAttributes: {},
      },
    });
  });

  test('takes an empty variable for one that is not set', () => {
    const empty = Object.values(readVariables()).flatMap((names) =>
      Object.values(names).map((name) => [name, ''] as const),
    );
    expect(loadConfig({ ...Object.fromEntries(empty), ...REQUIRED })).toEqual(load());
  });

  test('is read from the environment', () => {
    const config = load({
      PORT: '0',
      CORS_ORIGINS: 'https://a.example, https://b.example:8443',
      TRUST_PROXY: '10.0.0.0/8,::1',
      REDIS_CLUSTER_NODES: 'redis-1:6379, [::1]:6380',
      AUTH_ALGORITHMS: 'ES256, EdDSA',
      CACHE_PENDING_TTL_MS: '0',
      LOG_HIT_SAMPLE_RATIO: '.01',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20a%2Cb=, x-tenant = one',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    });
    expect(config.tracing).toMatchObject({
      headers: { authorization: 'Bearer a,b=', 'x-tenant': 'one' },
      samplerArg: 0.25,
    });
    expect(config.http).toMatchObject({
      port: 0,
      corsOrigins: ['https://a.example', 'https://b.example:8443'],
      trustProxy: ['10.0.0.0/8', '::1'],
    });
    expect(config.redis.clusterNodes).toEqual([
      { host: 'redis-1', port: 6379 },
      { host: '::1', port: 6380 },
    ]);
    expect(config.auth.issuers[0].algorithms).toEqual(['ES256', 'EdDSA']);
    expect(config.cache.pendingTtlMs).toBe(0);
    expect(config.log.hitSampleRatio).toBe(0.01);
  });

  test('takes secrets from files', () => {
    const path = file('key', 'mhk_live_2\n');
    const { apiKey, nextApiKey } = loadConfig({
      ...REQUIRED,
      MAGIC_HOUR_API_KEY: '',
      MAGIC_HOUR_API_KEY_FILE: path,
      MAGIC_HOUR_API_KEY_NEXT: 'mhk_live_3',
    }).upstream;
    expect({ apiKey, nextApiKey }).toEqual({ apiKey: { file: path }, nextApiKey: { value: 'mhk_live_3' } });
  });
});

describe('a configuration with faults', () => {
  test('names everything that is required, all at once', () => {
    expect(faultsOf({})).toEqual([
      expect.stringMatching(/^MAGIC_HOUR_API_KEY: is required/),
      expect.stringMatching(/^AUTH_ISSUER: is required/),
      expect.stringMatching(/^AUTH_AUDIENCE: is required/),
    ]);
  });

  test('tells of faults of every kind together, each with its variable', () => {
    const faults = faultsOf({
      AUTH_ISSUER: 'issuer.example',
      PORT: '99999',
      LOG_LEVEL: 'loud',
      REDIS_URL: 'http://redis.example',
      REDIS_CLUSTER_NODES: 'a:1',
      REDIS_SENTINEL_NAME: 'main',
      SHUTDOWN_DELAY_SECONDS: '20',
      WATCH_INTERVAL_MIN_MS: '20000',
      AUTH_JWKS_FILE: join(folder, 'missing'),
    });
    for (const variable of [
      'MAGIC_HOUR_API_KEY: is required',
      'AUTH_ISSUER: must be',
      'AUTH_AUDIENCE: is required',
      'PORT: must be at most 65535',
      'LOG_LEVEL: must be',
      'REDIS_URL: must be',
      'REDIS_URL, REDIS_CLUSTER_NODES, REDIS_SENTINEL_NODES: only one',
      'REDIS_SENTINEL_NODES, REDIS_SENTINEL_NAME: each needs the other',
      'SHUTDOWN_DELAY_SECONDS: must be less',
      'WATCH_INTERVAL_MAX_MS: must be no less',
      "AUTH_JWKS_FILE: the file can't be read",
    ]) {
      expect(faults).toContainEqual(expect.stringContaining(variable));
    }
    expect(faults).toHaveLength(11);
  });
});
