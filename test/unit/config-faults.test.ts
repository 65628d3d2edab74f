import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, type Environment, loadConfig, readVariables } from '../../src/config.ts';

const REQUIRED = { MAGIC_HOUR_API_KEY: 'mhk_live_1', AUTH_ISSUER: 'https://i.example', AUTH_AUDIENCE: 'bff' };
const folder = mkdtempSync(join(tmpdir(), 'config-faults-'));

function messageOf(environment: Environment): string {
  try {
    loadConfig({ ...REQUIRED, ...environment });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

/** Section 3 of the contract, less what later issues bring, and what was added to it. */
const VARIABLES = [
  'MAGIC_HOUR_API_KEY MAGIC_HOUR_API_KEY_FILE MAGIC_HOUR_API_KEY_NEXT MAGIC_HOUR_API_KEY_NEXT_FILE',
  'MAGIC_HOUR_BASE_URL HOST PORT OPS_HOST OPS_PORT',
  'REDIS_URL REDIS_CLUSTER_NODES REDIS_SENTINEL_NODES REDIS_SENTINEL_NAME REDIS_KEY_PREFIX',
  'REDIS_COMMAND_TIMEOUT_MS AUTH_ISSUER AUTH_AUDIENCE AUTH_JWKS_URL AUTH_JWKS_FILE AUTH_ALGORITHMS',
  'AUTH_ISSUERS AUTH_ISSUERS_FILE',
  'AUTH_INTROSPECTION_CLIENT_ID AUTH_INTROSPECTION_CLIENT_SECRET AUTH_INTROSPECTION_CLIENT_SECRET_FILE',
  'AUTH_INTROSPECTION_URL AUTH_INTROSPECTION_CACHE_SECONDS DPOP_PUBLIC_URL',
  'AUTH_USER_CLAIM AUTH_TENANT_CLAIM AUTH_REQUIRED_SCOPE ACCESS_POLICY OWNER_TTL_SECONDS',
  'SESSION_CLIENT_ID SESSION_CLIENT_SECRET SESSION_CLIENT_SECRET_FILE SESSION_CLIENT_AUTH_METHOD SESSION_BASE_URL',
  'SESSION_ENCRYPTION_KEYS SESSION_ENCRYPTION_KEYS_FILE SESSION_SCOPES SESSION_AUTHORIZATION_PARAMETERS',
  'SESSION_IDLE_SECONDS SESSION_MAX_SECONDS',
  'RATE_LIMIT_MAX RATE_LIMIT_WINDOW_SECONDS RATE_LIMIT_IP_MAX RATE_LIMIT_EXPECTED_REPLICAS',
  'AUTH_PLAN_CLAIM RATE_LIMIT_PLANS RATE_LIMIT_TENANT_MAX RATE_LIMIT_UPSTREAM_MAX',
  'UPSTREAM_BUDGET_MAX UPSTREAM_BUDGET_TENANT_SHARE',
  'RATE_LIMIT_NOT_FOUND_MAX RATE_LIMIT_NOT_FOUND_WINDOW_SECONDS',
  'CACHE_EXPIRY_MARGIN_SECONDS CACHE_TERMINAL_TTL_SECONDS CACHE_PENDING_TTL_MS',
  'CACHE_NOT_FOUND_TTL_SECONDS CACHE_MEMORY_MAX_BYTES CACHE_MEMORY_TTL_SECONDS',
  'WEBHOOK_SECRET WEBHOOK_SECRET_FILE WEBHOOK_SECRET_NEXT WEBHOOK_SECRET_NEXT_FILE WEBHOOK_TOLERANCE_SECONDS',
  'WATCH_INTERVAL_MIN_MS WATCH_INTERVAL_MAX_MS EVENTS_MAX_STREAMS_PER_USER',
  'UPSTREAM_TIMEOUT_MS UPSTREAM_RETRIES UPSTREAM_DEADLINE_MS UPSTREAM_MAX_CONCURRENCY UPSTREAM_MAX_QUEUE',
  'UPSTREAM_MAX_RESPONSE_BYTES CORS_ORIGINS TRUST_PROXY LOG_LEVEL LOG_HIT_SAMPLE_RATIO',
  'SHUTDOWN_DELAY_SECONDS SHUTDOWN_GRACE_SECONDS',
  'OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_HEADERS OTEL_SERVICE_NAME OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG OTEL_RESOURCE_ATTRIBUTES',
]
  .join(' ')
  .split(' ');

test("the variables are the contract's", () => {
  const named = Object.values(readVariables()).flatMap((names) => Object.values(names));
  expect(named.toSorted()).toEqual(VARIABLES.toSorted());
});

describe('one wrong setting is named by its variable', () => {
  const numbers = VARIABLES.filter((name) => /PORT$|_MS$|_SECONDS$|_BYTES$|_MAX|RETRIES|REPLICAS/.test(name));

  test.each(numbers)('%s must be a whole number', (name) => {
    for (const value of ['-1', '1.5', '1e3', '0x10', 'many', ' ', '9'.repeat(20)]) {
      expect(messageOf({ [name]: value })).toMatch(new RegExp(`^  ${name}: must be`, 'm'));
    }
  });

  test.each([
    ['MAGIC_HOUR_API_KEY', 'two words'],
    ['MAGIC_HOUR_API_KEY', 'line\nfeed'],
    ['MAGIC_HOUR_API_KEY_NEXT', 'schlüssel'],
    ['WEBHOOK_SECRET', 'seven77'],
    ['WEBHOOK_SECRET', 'with a space in it'],
    ['MAGIC_HOUR_BASE_URL', 'api.magichour.ai'],
    ['MAGIC_HOUR_BASE_URL', 'ftp://api.magichour.ai'],
    ['AUTH_ISSUER', 'issuer'],
    ['AUTH_AUDIENCE', ' '],
    ['AUTH_JWKS_URL', 'file:///etc/passwd'],
    ['DPOP_PUBLIC_URL', 'bff.example'],
    ['DPOP_PUBLIC_URL', 'https://bff.example/?a=b'],
    ['AUTH_INTROSPECTION_URL', 'issuer.example'],
    ['AUTH_ALGORITHMS', 'none'],
    ['AUTH_ALGORITHMS', 'RS256,none'],
    ['AUTH_ALGORITHMS', 'HS256'],
    ['AUTH_ALGORITHMS', 'ES256,HS512'],
    ['AUTH_ALGORITHMS', 'rs256'],
    ['AUTH_ALGORITHMS', ','],
    ['AUTH_USER_CLAIM', ' '],
    ['AUTH_REQUIRED_SCOPE', 'two scopes'],
    ['ACCESS_POLICY', 'anyone'],
    ['REDIS_URL', 'redis.example:6379'],
    ['REDIS_URL', 'https://redis.example'],
    ['REDIS_CLUSTER_NODES', 'a:1,b'],
    ['REDIS_CLUSTER_NODES', 'a:70000'],
    ['REDIS_SENTINEL_NODES', 'redis://a:1'],
    ['REDIS_KEY_PREFIX', 'a{b}'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'null'],
    ['CORS_ORIGINS', 'https://a.example/'],
    ['CORS_ORIGINS', 'https://a.example,https://b.example/path'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '1'],
    ['TRUST_PROXY', 'loopback'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['LOG_LEVEL', 'INFO'],
    ['LOG_HIT_SAMPLE_RATIO', '-0.1'],
    ['LOG_HIT_SAMPLE_RATIO', '1.01'],
    ['LOG_HIT_SAMPLE_RATIO', '1e-3'],
    ['LOG_HIT_SAMPLE_RATIO', '50%'],
    ['LOG_HIT_SAMPLE_RATIO', '.'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['RATE_LIMIT_PLANS', 'free'],
    ['RATE_LIMIT_PLANS', 'free=0'],
    ['RATE_LIMIT_PLANS', 'free=1,free=2'],
    ['RATE_LIMIT_PLANS', 'a b=1'],
    ['RATE_LIMIT_UPSTREAM_MAX', '0'],
    ['UPSTREAM_BUDGET_TENANT_SHARE', '1.5'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'grpc://collector:4317'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://user:secret@collector:4318'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization'],
    ['OTEL_EXPORTER_OTLP_HEADERS', '=Bearer'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'two words=x'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%0d%0ab'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=1,b'],
    ['OTEL_SERVICE_NAME', ' '],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_TRACES_SAMPLER', 'Always_on'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.1'],
    ['OTEL_TRACES_SAMPLER_ARG', '-0.1'],
    ['OTEL_TRACES_SAMPLER_ARG', '10%'],
    ['OTEL_TRACES_SAMPLER_ARG', 'endpoint=http://sampler'],
  ])('%s can not be "%s"', (name, value) => {
    expect(messageOf({ [name]: value })).toMatch(new RegExp(`^  ${name}: must`, 'm'));
  });
});

describe('settings that exclude each other', () => {
  test.each([
    { MAGIC_HOUR_API_KEY_FILE: import.meta.filename },
    { MAGIC_HOUR_API_KEY_NEXT: 'a', MAGIC_HOUR_API_KEY_NEXT_FILE: import.meta.filename },
    { REDIS_URL: 'redis://a', REDIS_CLUSTER_NODES: 'a:1' },
    { REDIS_CLUSTER_NODES: 'a:1', REDIS_SENTINEL_NODES: 'a:1' },
    { AUTH_JWKS_URL: 'https://i.example/keys', AUTH_JWKS_FILE: import.meta.filename },
    { REDIS_SENTINEL_NODES: 'a:1' },
    { REDIS_SENTINEL_NAME: 'main' },
    { AUTH_PLAN_CLAIM: 'plan' },
    { RATE_LIMIT_PLANS: 'free=1' },
    { SHUTDOWN_DELAY_SECONDS: '30' },
  ])('%o are refused, each named', (environment) => {
    const message = messageOf(environment);
    for (const name of Object.keys(environment)) expect(message).toContain(name);
  });
});

describe('a file that a secret or key set should stand in', () => {
  const unusable = { missing: join(folder, 'missing'), folder, empty: join(folder, 'empty') };
  writeFileSync(unusable.empty, '\n');

  test.each(
    Object.entries(unusable).flatMap(([what, path]) =>
      ['MAGIC_HOUR_API_KEY_FILE', 'MAGIC_HOUR_API_KEY_NEXT_FILE', 'AUTH_JWKS_FILE'].map(
        (name) => [name, what, path] as const,
      ),
    ),
  )('is a fault of %s where it is %s', (name, _what, path) => {
    const alone = name === 'MAGIC_HOUR_API_KEY_FILE' ? { MAGIC_HOUR_API_KEY: '' } : {};
    expect(messageOf({ ...alone, [name]: path })).toMatch(new RegExp(`^  ${name}: `, 'm'));
  });
});

test.each([{ ACCESS_POLICY: 'tenant' }, { RATE_LIMIT_TENANT_MAX: '10' }])(
  '%o is a fault without a claim that names tenants',
  (environment) => {
    expect(messageOf(environment)).toContain('AUTH_TENANT_CLAIM: is required where');
    expect(messageOf({ ...environment, AUTH_TENANT_CLAIM: 'org' })).toBe('');
  },
);

test('claims may be those of an issuer in the list', () => {
  const AUTH_ISSUERS = '[{ issuer: https://j.example, audience: bff, tenantClaim: org, planClaim: plan }]';
  const needing = { ACCESS_POLICY: 'tenant', RATE_LIMIT_TENANT_MAX: '10', RATE_LIMIT_PLANS: 'free=1' };
  expect(messageOf({ AUTH_ISSUERS, ...needing })).toBe('');
});

describe('the settings of sessions', () => {
  const key = 'k'.repeat(43);
  const three = {
    SESSION_CLIENT_ID: 'bff',
    SESSION_CLIENT_SECRET: 'a-secret',
    SESSION_BASE_URL: 'https://app.example.com',
    REDIS_URL: 'redis://redis',
  };

  test('turn them on by three alone, and there may be none', () => {
    expect(loadConfig(REQUIRED).session).toBeUndefined();
    expect(loadConfig({ ...REQUIRED, ...three }).session).toEqual({
      clientId: 'bff',
      clientSecret: { value: 'a-secret' },
      clientAuthMethod: 'client_secret_basic',
      baseUrl: 'https://app.example.com',
      encryptionKeys: undefined,
      scopes: ['openid', 'offline_access'],
      authorizationParameters: {},
      idleSeconds: 86_400,
      maxSeconds: 604_800,
    });
    expect(
      loadConfig({ ...REQUIRED, ...three, SESSION_BASE_URL: 'http://localhost:8080' }).session,
    ).toBeDefined();
  });

  test.each<[Environment, RegExp]>([
    [{ SESSION_CLIENT_ID: '' }, /SESSION_CLIENT_ID: is required for sessions/],
    [
      { SESSION_CLIENT_SECRET: '' },
      /SESSION_CLIENT_SECRET: is required for sessions \(or SESSION_CLIENT_SECRET_FILE\)/,
    ],
    [{ SESSION_BASE_URL: '' }, /SESSION_BASE_URL: is required for sessions/],
    [{ REDIS_URL: '' }, /REDIS_URL: is required for sessions/],
    [
      { SESSION_CLIENT_SECRET_FILE: import.meta.filename },
      /SESSION_CLIENT_SECRET, SESSION_CLIENT_SECRET_FILE: only one/,
    ],
    [{ SESSION_BASE_URL: 'http://app.example.com' }, /SESSION_BASE_URL: must begin with https/],
    [{ SESSION_BASE_URL: 'https://app.example.com/' }, /SESSION_BASE_URL: must be exact origins/],
    [{ SESSION_ENCRYPTION_KEYS: `${key},short` }, /SESSION_ENCRYPTION_KEYS: must be keys of 32 bytes/],
    [{ SESSION_ENCRYPTION_KEYS: ' , ' }, /SESSION_ENCRYPTION_KEYS: must have at least one key/],
    [
      { SESSION_ENCRYPTION_KEYS_FILE: import.meta.filename },
      /SESSION_ENCRYPTION_KEYS_FILE: the file holds no usable keys/,
    ],
    [
      { SESSION_ENCRYPTION_KEYS: key, SESSION_ENCRYPTION_KEYS_FILE: import.meta.filename },
      /SESSION_ENCRYPTION_KEYS, .*: only one/,
    ],
    [{ SESSION_SCOPES: 'profile' }, /SESSION_SCOPES: must have openid/],
    [
      { SESSION_AUTHORIZATION_PARAMETERS: 'redirect_uri=https://evil.example' },
      /SESSION_AUTHORIZATION_PARAMETERS: must leave out/,
    ],
    [{ SESSION_CLIENT_AUTH_METHOD: 'none' }, /SESSION_CLIENT_AUTH_METHOD: must be/],
    [
      { SESSION_IDLE_SECONDS: '1000', SESSION_MAX_SECONDS: '999' },
      /SESSION_MAX_SECONDS: must be no less than/,
    ],
  ])('%o is a fault that names its variable and tells no secret', (environment, fault) => {
    const message = messageOf({ ...three, ...environment });
    expect(message).toMatch(fault);
    expect(message).not.toContain('a-secret');
    expect(message).not.toContain(key);
  });

  test('of which only the keys are there are a fault, too', () => {
    expect(messageOf({ SESSION_ENCRYPTION_KEYS: key })).toMatch(
      /SESSION_CLIENT_ID: is required for sessions/,
    );
  });
});

describe('the secrets of webhooks', () => {
  const [secret, next] = ['whsec_the_first', 'whsec_the_next'];
  const secretFile = join(folder, 'webhook-secret');
  writeFileSync(secretFile, `${secret}\n`);

  test('come as values or as files, and there may be none', () => {
    const load = (environment: Environment) => loadConfig({ ...REQUIRED, ...environment }).webhooks;
    expect(load({})).toBeUndefined();
    expect(load({ WEBHOOK_SECRET: ` ${secret} `, WEBHOOK_SECRET_NEXT_FILE: secretFile })).toEqual({
      secret: { value: secret },
      nextSecret: { file: secretFile },
      toleranceSeconds: 300,
    });
  });

  test.each([
    [{ WEBHOOK_SECRET_NEXT: next }, /WEBHOOK_SECRET: is required/],
    [
      { WEBHOOK_SECRET: secret, WEBHOOK_SECRET_FILE: secretFile },
      /WEBHOOK_SECRET, WEBHOOK_SECRET_FILE: only one/,
    ],
    [
      { WEBHOOK_SECRET_FILE: join(folder, 'nowhere') },
      /WEBHOOK_SECRET_FILE: the file can't be read \(ENOENT\)/,
    ],
    [{ WEBHOOK_SECRET: 'seven77' }, /WEBHOOK_SECRET: must have at least 8 characters/],
  ])('%o is a fault that names its variable and tells no value', (environment, fault) => {
    const message = messageOf(environment);
    expect(message).toMatch(fault);
    expect(message).not.toContain(next);
    expect(message).not.toContain('seven77');
  });
});
